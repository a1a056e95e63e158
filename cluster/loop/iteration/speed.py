"""The speed of sampling: tokens over the time in which there was something to sample, whatever went on beside it."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Sampled:
    """What samplers reported since the last report: training tokens, and retries after faults by kind of the fault.

    `seconds` is the wall-clock time by activity: `sample` while training rollouts were missing, `measure` while
    attempts of evaluations were, `all` in total. Activities overlap, so the parts may add up to more than the total.
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
    """Adds up what samplers report, and the time of each activity, between two reports."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._ticked_at = clock()
        self._sampled = Sampled()

    def tick(self, active: Iterable[str], stats: Iterable[Mapping[str, Any]]) -> None:
        """Count the time since the last tick for the activities that go on, and add the samplers' statistics."""
        now = self._clock()
        elapsed, self._ticked_at = now - self._ticked_at, now
        for name in ("all", *active):
            self._sampled.seconds[name] += elapsed  # type: ignore[assignment]
        for one in stats:
            self._sampled.tokens += one["train_tokens"]
            self._sampled.fault_retries.update(one["fault_retries"])

    def add_seconds(self, seconds: Mapping[str, float]) -> None:
        """Add the time of phases that are timed elsewhere."""
        for name, value in seconds.items():
            self._sampled.seconds[name] += value  # type: ignore[assignment]

    def take(self) -> Sampled:
        """What was counted since the last call."""
        sampled, self._sampled = self._sampled, Sampled()
        return sampled
