"""Work: what samplers lease, and how it is to be sampled."""

import hashlib
from dataclasses import dataclass, replace

from store.records.policies import PolicyPointer
from store.records.problems import Problem
from store.records.rollouts import Purpose


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of an assignment. `temperature` 0 is greedy; `seed` applies to a single attempt."""

    temperature: float = 0.8
    top_p: float = 1.0
    seed: int | None = None

    def seeded(self, seed: int, name: str) -> "Sampling":
        """The same with a seed of its own, derived from a seed and a name; greedy sampling needs none."""
        if self.temperature == 0:
            return self
        digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
        return replace(self, seed=int.from_bytes(digest[:4], "big"))


@dataclass(frozen=True, slots=True)
class Assignment:
    """A unit of leased work: attempt `problem` once for each of the `pending` sample indexes.

    The rollout of sample `i` has the id `rollout_id(assignment.id, i)`, which is known before it is sampled. So a write
    that is repeated after a lost acknowledgement, or by a second owner after the lease expired, changes nothing.
    `policy_version` is the policy that an evaluation measures, None for training.
    """

    id: int
    problem: Problem
    purpose: Purpose
    sampling: Sampling
    pending: tuple[int, ...]
    policy_version: int | None = None


def rollout_id(assignment_id: int, sample_index: int) -> str:
    """The id of the rollout of one sample, known before it is sampled."""
    return f"{assignment_id}-{sample_index}"


@dataclass(frozen=True, slots=True)
class Lease:
    """The answer to a request for work: the policy to load, None before the first, and what was leased."""

    policy: PolicyPointer | None
    assignments: tuple[Assignment, ...] = ()
