"""Silence: finds ranks without progress. There is no limit on how long a call may take."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from learner.progress import RankProgress

_GAP_S = 5.0  # counted at most between two looks: a driver that was itself held up must not blame the ranks


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """Seconds without progress: until a rank has started, while it works, and while it reads or writes weights."""

    start_s: float
    work_s: float
    data_s: float

    def of(self, progress: RankProgress) -> float:
        """The limit for a rank with this progress."""
        return self.data_s if progress.moves_data else self.work_s


@dataclass(frozen=True, slots=True)
class Silence:
    """A rank that holds the others up, and what it last did."""

    rank: int
    seconds: float
    has_started: bool
    answers: bool
    last: RankProgress

    def __str__(self) -> str:
        if not self.has_started:
            return (
                f"learner rank {self.rank} did not start within {self.seconds:.0f} s: the cluster has no room for it "
                "(see `ray status`), or its process does not come up"
            )
        state = "answers but makes no progress" if self.answers else "does not answer"
        return f"learner rank {self.rank} {state} for {self.seconds:.0f} s; last, it {self.last.activity}"


@dataclass(slots=True)
class _Heard:
    progress: RankProgress
    answered_at: float
    moved_at: float
    has_started: bool


class SilenceWatch:
    """Watches the ranks during one call.

    A rank that does not answer at all, as a stopped process, is silent by itself. One that answers may wait for the
    others in a collective operation, so it is silent only when all are.
    """

    def __init__(
        self,
        num_ranks: int,
        limits: SilenceLimits,
        started: Mapping[int, RankProgress],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`started` are the ranks that have reported before."""
        self._limits = limits
        self._clock = clock
        self._looked_at = clock()
        self._now = 0.0
        self._heard = {
            rank: _Heard(started.get(rank, RankProgress()), 0.0, 0.0, has_started=rank in started)
            for rank in range(num_ranks)
        }

    def hear(self, rank: int, progress: RankProgress) -> None:
        """Record what a rank answered."""
        heard = self._heard[rank]
        if not heard.has_started or progress.count != heard.progress.count:
            heard.moved_at = self._now
        heard.progress, heard.answered_at, heard.has_started = progress, self._now, True

    def find(self, ranks: Collection[int]) -> Silence | None:
        """The rank that holds up those that have not finished the call, if there is one."""
        self._advance()
        for rank in ranks:
            heard = self._heard[rank]
            limit = self._limits.of(heard.progress) if heard.has_started else self._limits.start_s
            if self._now - heard.answered_at > limit:
                return self._silence(rank, self._now - heard.answered_at, answers=False)
        return self._find_common(ranks)

    def _find_common(self, ranks: Collection[int]) -> Silence | None:
        if not ranks or not all(self._heard[rank].has_started for rank in ranks):
            return None
        silent_for = self._now - max(self._heard[rank].moved_at for rank in ranks)
        if silent_for <= max(self._limits.of(self._heard[rank].progress) for rank in ranks):
            return None
        behind = min(ranks, key=lambda rank: (self._heard[rank].progress.waits, self._heard[rank].progress.count))
        return self._silence(behind, silent_for, answers=True)

    def _silence(self, rank: int, seconds: float, *, answers: bool) -> Silence:
        heard = self._heard[rank]
        return Silence(rank, seconds, heard.has_started, answers, heard.progress)

    def _advance(self) -> None:
        now = self._clock()
        self._now += min(now - self._looked_at, _GAP_S)
        self._looked_at = now
