"""The board of open work: what the store is to samplers and driver, with the same rules of leasing, in memory.

The rules are those of `store.rollouts.work`; a test compares them on a real store.
"""

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cluster.simulation.case import Shape
from store.records import Purpose
from store.runs.iterations import IterationState


@dataclass(slots=True, eq=False)
class Work:
    """An iteration or an evaluation: its rollouts, and which of them are free, leased and done.

    `free` holds (first rollout, how many) of the unleased assignments.
    """

    purpose: Purpose
    number: int
    version: int
    shapes: Sequence[Shape]
    free: deque[tuple[int, int]]
    num_free: int
    missing: int
    leased: Counter[int] = field(default_factory=Counter)
    done: bytearray = field(default_factory=bytearray)

    @property
    def num_leased(self) -> int:
        """Leased attempts that are not written yet."""
        return self.missing - self.num_free


class Leased(NamedTuple):
    """One leased attempt."""

    work: Work
    rollout: int


class Board:
    """Open work in the order of its making. Every rollout is completed once."""

    def __init__(self) -> None:
        self._open: list[Work] = []
        self.published: list[tuple[int, float]] = [(0, 0.0)]
        """(version, time) of each policy."""
        self.num_active = 0
        """Samplers that lease."""
        self._iterations: dict[int, tuple[Work, bool]] = {}

    @property
    def latest(self) -> int:
        """The version of the latest policy."""
        return self.published[-1][0]

    # ---------------------------------------------------------------- the driver's side

    def schedule(self, purpose: Purpose, number: int, version: int, shapes: Sequence[Shape], samples: int) -> Work:
        """Add an iteration or an evaluation with assignments of `samples` attempts each."""
        total = len(shapes)
        free = deque((first, min(samples, total - first)) for first in range(0, total, samples))
        work = Work(purpose, number, version, shapes, free, total, total, done=bytearray(total))
        self._open.append(work)
        if purpose is Purpose.TRAIN:
            assert number not in self._iterations, f"iteration {number} is scheduled twice"
            self._iterations[number] = (work, False)
        return work

    def close(self, number: int) -> None:
        """Close an iteration."""
        self._iterations[number] = (self._iterations[number][0], True)

    def iterations(self) -> list[IterationState]:
        """The state of each iteration, as the store gives it."""
        return [
            IterationState(number, work.version, 0 if is_closed else len(work.shapes), work.missing, is_closed)
            for number, (work, is_closed) in self._iterations.items()
        ]

    # ---------------------------------------------------------------- the samplers' side

    def lease(self, owner: int, attempts: int, held: int, to_hold: int) -> list[Leased]:
        """Lease up to `attempts` attempts, whole assignments of them, evaluations first.

        No evaluation is begun with a policy that is about to be replaced by another one `to_hold`.
        """
        purposes = (Purpose.EVAL, Purpose.TRAIN) if to_hold == held else (Purpose.TRAIN,)
        shares = [(purpose, self._fair_share(owner, purpose, attempts, held)) for purpose in purposes]
        leased: list[Leased] = []
        for purpose, share in shares:
            leased += self._take(owner, purpose, min(share, attempts - len(leased)), held)
        return leased

    def complete(self, owner: int, leased: Leased) -> bool:
        """Write a rollout; returns whether it was the last one of its work."""
        work, rollout = leased
        assert not work.done[rollout], f"rollout {rollout} of {work.purpose} {work.number} was completed before"
        work.done[rollout] = 1
        work.missing -= 1
        work.leased[owner] -= 1
        if work.missing:
            return False
        self._open.remove(work)
        return True

    def abandon(self, owner: int, leased: Sequence[Leased]) -> None:
        """Free attempts whose leases have expired: they come first, as their assignments are the oldest."""
        for work, rollout in leased:
            work.free.appendleft((rollout, 1))
            work.num_free += 1
            work.leased[owner] -= 1

    def to_hold(self, owner: int, held: int, now: float, swap_wait_s: float) -> int:
        """The version that a sampler should hold (`choose_policy` of `store.rollouts.work`)."""
        latest, published_at = self.published[-1]
        has_work = any(work.num_free and _is_open(work, latest) for work in self._open)
        is_young = now < published_at + swap_wait_s
        if held != latest and (is_young or not has_work) and self._holds_evaluation(owner, held):
            return held
        if has_work:
            return latest
        unmeasured = [work.version for work in self._open if work.purpose is Purpose.EVAL and work.num_free]
        oldest = min(unmeasured, default=latest)
        has_begun_newer = any(
            work.purpose is Purpose.TRAIN and work.leased[owner] and not _is_open(work, oldest) for work in self._open
        )
        return latest if has_begun_newer else oldest

    def _holds_evaluation(self, owner: int, held: int) -> bool:
        of_held = (work for work in self._open if work.purpose is Purpose.EVAL and work.version == held)
        return any(work.num_free or work.leased[owner] for work in of_held)

    def _fair_share(self, owner: int, purpose: Purpose, attempts: int, held: int) -> int:
        works = [work for work in self._open if work.purpose is purpose and _is_open(work, held)]
        num_free, num_samplers = sum(work.num_free for work in works), max(self.num_active, 1)
        if not num_free or num_samplers == 1 or num_free >= attempts * num_samplers:
            return attempts if num_free else 0
        own = sum(work.leased[owner] for work in works)
        leased = sum(work.num_leased for work in works)
        share = -(-(num_free + leased) // num_samplers) - own
        return min(attempts, max(share, 0 if own else 1))

    def _take(self, owner: int, purpose: Purpose, wanted: int, held: int) -> list[Leased]:
        taken: list[Leased] = []
        for work in self._open:
            if work.purpose is not purpose or not _is_open(work, held):
                continue
            before = len(taken)
            while work.free and len(taken) < wanted:
                first, count = work.free.popleft()
                taken += [Leased(work, rollout) for rollout in range(first, first + count)]
            work.num_free -= len(taken) - before
            work.leased[owner] += len(taken) - before
        return taken


def _is_open(work: Work, held: int) -> bool:
    """Whether a policy may sample this work: the evaluated one alone, or one as new as the iteration's."""
    return work.version == held if work.purpose is Purpose.EVAL else work.version <= held
