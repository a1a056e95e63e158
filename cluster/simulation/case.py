"""A case: everything that a simulation is told. Times are seconds; nothing here knows where a number came from."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol

POLL_S = 0.5
"""Seconds between two polls of the driver."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What one rollout will take, drawn before it begins.

    `turns` are the tokens that the policy samples in each, `block_s` the seconds of the code block after each but the
    last, `output_tokens` what the policy reads of its output.
    """

    prompt_tokens: int
    turns: tuple[float, ...]
    block_s: tuple[float, ...] = ()
    output_tokens: tuple[int, ...] = ()
    check_s: float = 0.0

    @property
    def sampled_tokens(self) -> float:
        """Tokens that the policy samples."""
        return sum(self.turns)


class Workload(Protocol):
    """A distribution of rollouts."""

    def draw(self, rng: Random) -> Shape:
        """The next rollout."""
        ...


@dataclass(frozen=True, slots=True)
class DecodeSpeed:
    """The speed of an engine: `step_s[n]` is the time of a step that samples a token of each of n sequences.

    `step_s` has an entry for each number up to the engine's places. Prompt tokens are computed between the steps, which
    wait for them meanwhile.
    """

    step_s: tuple[float, ...]
    prefill_s_per_token: float = 0.0

    @property
    def places(self) -> int:
        """Sequences that are decoded at a time."""
        return len(self.step_s) - 1


@dataclass(frozen=True, slots=True)
class Samplers:
    """The samplers, all alike. Names as in `actors.settings`.

    `start_s`: from a start to the first lease. `read_s`: to prefetch a policy, while sampling goes on. `pause_s`: to
    load it, while nothing is sampled. `mean_s_to_failure` of one sampler, which then starts again after `restart_s`;
    its attempts are made by others once their leases have expired. `cores`: what a busy engine could use of the host.
    """

    count: int
    speed: DecodeSpeed
    slots: int
    sandbox_cores: int
    lookahead_s: float = 2.0
    write_interval_s: float = 0.25
    idle_poll_s: float = 0.2
    lease_ttl_s: float = 60.0
    swap_wait_s: float = 300.0
    start_s: float = 0.0
    read_s: float = 0.0
    pause_s: float = 0.0
    mean_s_to_failure: float | None = None
    restart_s: float = 0.0
    cores: float = 0.0


@dataclass(frozen=True, slots=True)
class Learner:
    """The ranks. `train_s` has the time of each iteration's training; one that is longer repeats from the beginning.

    `select_s`: from a quorum to the first step. `mean_s_to_failure` of one rank: all continue from the last checkpoint
    after `restart_s`. `cores`: what the ranks could use of the host while they train.
    """

    ranks: int
    train_s: tuple[float, ...]
    select_s: float = 0.0
    publish_s: float = 0.0
    checkpoint_every_s: float = 1800.0
    mean_s_to_failure: float | None = None
    restart_s: float = 0.0
    cores: float = 0.0


@dataclass(frozen=True, slots=True)
class Measuring:
    """How a published policy is measured: greedily on `sizes[0]` held-out problems, then on more while undecided.

    `sampled` attempts at each of the first `sizes[0]` problems come with the first look.
    """

    sizes: tuple[int, ...] = ()
    sampled: int = 0
    undecided_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Case:
    """A run to be simulated. `host_cores` is None where nothing shares processor cores."""

    samplers: Samplers
    learner: Learner
    workload: Workload
    problems: int
    samples_per_problem: int
    iterations: int
    lead: int
    quorum: float
    measuring: Measuring = Measuring()
    poll_s: float = POLL_S
    host_cores: float | None = None
    seed: int = 0

    @property
    def rollouts(self) -> int:
        """Rollouts of an iteration."""
        return self.problems * self.samples_per_problem

    def slice(self, share: float) -> "Case":
        """A share of the samplers with the same share of the work, while training takes as long.

        Samplers are alike and have nothing in common but the gate, so a slice behaves as the whole does, except that
        the last of fewer rollouts is not quite as late.
        """
        count = max(1, round(self.samplers.count * share))
        share = count / self.samplers.count
        sizes = tuple(max(1, round(size * share)) for size in self.measuring.sizes)
        return replace(
            self,
            samplers=replace(self.samplers, count=count),
            problems=max(1, round(self.problems * share)),
            measuring=replace(self.measuring, sizes=sizes),
        )

    def shorten(self, share: float) -> "Case":
        """Iterations of a share of the length: as much less to sample, to train, to measure, to load and to publish.

        An iteration of many rounds of rollouts behaves as a shorter one does, but for its last round.
        """
        samplers, learner, measuring = self.samplers, self.learner, self.measuring
        return replace(
            self,
            problems=max(1, round(self.problems * share)),
            samplers=replace(samplers, read_s=samplers.read_s * share, pause_s=samplers.pause_s * share),
            learner=replace(
                learner,
                train_s=tuple(seconds * share for seconds in learner.train_s),
                select_s=learner.select_s * share,
                publish_s=learner.publish_s * share,
            ),
            measuring=replace(measuring, sizes=tuple(max(1, round(size * share)) for size in measuring.sizes)),
        )


def step_times(places: int, step_s: Sequence[float]) -> tuple[float, ...]:
    """`DecodeSpeed.step_s` from the times of 1 to `places` sequences."""
    assert len(step_s) == places, "one time for each number of sequences"
    return (step_s[0], *step_s)
