"""The speed of sampling: tokens over the time in which there was something to sample, whatever went on beside it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Sampled:
    """What samplers did for an iteration: training tokens, and retries after faults by kind of the fault.

    `seconds` is wall-clock time by activity: `sample` while this iteration's rollouts were sampled; since the last
    report, `measure` while attempts of evaluations were missing, and `all` in total. Activities overlap, so the parts
    may add up to more than the total.
    """

    tokens: int = 0
    fault_retries: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)

    @property
    def tokens_per_s(self) -> float | None:
        """Training tokens per second of sampling; None if nothing was sampled."""
        seconds = self.seconds["sample"]
        return self.tokens / seconds if seconds and self.tokens else None


class SpeedMeter:
    """Adds up what samplers report, and the time of each activity, between two reports.

    The iteration that is sampled now gets the tokens: where several are open, samplers take the earliest first.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ticked_at = clock()
        self._seconds: Counter[str] = Counter()
        self._sampled: dict[int, Sampled] = {}

    def tick(self, iteration: int | None, stats: Iterable[Mapping[str, Any]], *, is_measuring: bool) -> None:
        """Count the time since the last tick, and the statistics of samplers. `iteration`: the one that is sampled."""
        now = self._clock()
        elapsed, self._ticked_at = now - self._ticked_at, now
        self._seconds["all"] += elapsed  # type: ignore[assignment]
        if is_measuring:
            self._seconds["measure"] += elapsed  # type: ignore[assignment]
        sampled = self._sampled.setdefault(iteration or max(self._sampled, default=0), Sampled())
        if iteration is not None:
            sampled.seconds["sample"] += elapsed  # type: ignore[assignment]
        for one in stats:
            sampled.tokens += one["train_tokens"]
            sampled.fault_retries.update(one["fault_retries"])

    def add_seconds(self, seconds: Mapping[str, float]) -> None:
        """Add the time of phases that are timed elsewhere."""
        for name, value in seconds.items():
            self._seconds[name] += value  # type: ignore[assignment]

    def take(self, iteration: int) -> Sampled:
        """What was counted for an iteration and those before it, with the time of other activities; then it is 0."""
        taken, self._seconds = Sampled(seconds=self._seconds), Counter()
        for number in [number for number in self._sampled if number <= iteration]:
            one = self._sampled.pop(number)
            taken.tokens += one.tokens
            taken.fault_retries.update(one.fault_retries)
            taken.seconds.update(one.seconds)
        return taken
