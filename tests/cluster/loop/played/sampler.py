"""A sampler as the store sees it: it leases, writes, repeats writes, loses leases, and swaps whenever it likes."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from store.records import Assignment, Outcome, PolicySpan, Purpose, Rollout, Segment, SegmentKind, rollout_id
from store.store import Store

TTL_S = 10.0


@dataclass(frozen=True, slots=True)
class Work:
    """An attempt under way, and the policy that its first token was sampled with."""

    assignment: Assignment
    sample: int
    version: int


class SamplerPlay:
    """`held` is the version that its engine holds; `target` the one that its last lease named."""

    def __init__(self, store: Store, name: str) -> None:
        self._store = store
        self.name = name
        self.work: deque[Work] = deque()
        self._written: list[Rollout] = []
        self.restart(releases=False)

    def restart(self, *, releases: bool) -> None:
        """A new process: what was under way is lost, and its leases expire unless they are released."""
        self.work.clear()
        if releases:
            self._store.assignments.release(self.name)
        policy = self._store.assignments.policy_to_load(self.name)
        assert policy is not None
        self.held = self.target = policy.version

    def lease(self, attempts: int, swap_wait_s: float) -> None:
        lease = self._store.assignments.lease(self.name, attempts, TTL_S, self.held, swap_wait_s=swap_wait_s)
        assert lease.policy is not None
        self.target = lease.policy.version
        self.take(lease.assignments)

    def take(self, leased: Iterable[Assignment]) -> None:
        """Begin the attempts of assignments that were leased under its name."""
        self.work += [Work(one, sample, self.held) for one in leased for sample in one.pending]

    def swap(self) -> None:
        """Load the policy that was named, unless an evaluation is under way."""
        if not any(work.assignment.purpose is Purpose.EVAL for work in self.work):
            self.held = self.target

    def write(self, count: int) -> None:
        """Write the next finished attempts, together with those of the last write, whose answer was lost."""
        done = [_rollout(self.work.popleft(), self.held) for _ in range(min(count, len(self.work)))]
        self._store.rollouts.add(self._written + done)
        self._written = done

    def hang(self) -> None:
        """Never finish what is under way."""
        self.work.clear()


def outcome_of(problem_id: str, sample: int) -> Outcome:
    """The same for each problem and sample, whoever attempts it and when."""
    return Outcome.WRONG if sum(problem_id.encode()) % 3 == sample % 3 else Outcome.ACCEPTED


def rollout_of(assignment: Assignment, sample: int, spans: tuple[PolicySpan, ...]) -> Rollout:
    name = rollout_id(assignment.id, sample)
    return Rollout(
        name,
        assignment.problem.id,
        assignment.purpose,
        outcome_of(assignment.problem.id, sample),
        "tir",
        prompt_ids=(1,),
        token_ids=(2, 3),
        model_mask=(True, True),
        spans=spans,
        segments=(Segment(SegmentKind.CODE, f"print({name!r})"), Segment(SegmentKind.ANSWER, "1")),
        answer="1",
        assignment_id=assignment.id,
    )


def _rollout(work: Work, held: int) -> Rollout:
    """An attempt at training may be under way during a swap, an evaluation may not."""
    spans = (PolicySpan(work.version, 0, 2),)
    if held != work.version:
        spans = (PolicySpan(work.version, 0, 1), PolicySpan(held, 1, 2))
    return rollout_of(work.assignment, work.sample, spans)
