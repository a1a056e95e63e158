"""The share of accepted rollouts whose answer follows from their code, by iteration, and the alarm where it falls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from store.records import Support

ALARM_DROP = 0.10
"""A fall of the supported share beyond this raises the alarm: thrice the standard error of a share of 0.95 of 50."""

ALARM_MIN_JUDGED = 50
"""Iterations with fewer judged rollouts raise no alarm and are no reference: their share is noise."""


@dataclass(frozen=True, slots=True)
class SupportCounts:
    """The accepted training rollouts of an iteration by support. Rollouts that were not judged are not counted."""

    iteration: int
    supported: int = 0
    unsupported: int = 0
    no_code: int = 0

    @classmethod
    def of(cls, iteration: int, counts: Mapping[str, int]) -> "SupportCounts":
        """From counts by the value of `Support`."""
        return cls(iteration, **{support.value: counts.get(support.value, 0) for support in Support})

    @property
    def judged(self) -> int:
        """All of them."""
        return self.supported + self.unsupported + self.no_code

    @property
    def share(self) -> float | None:
        """The supported share, from 0 to 1; None if none was judged."""
        return self.supported / self.judged if self.judged else None


def support_alarm(series: Sequence[SupportCounts]) -> str | None:
    """What is wrong if the latest iteration's supported share is far below the best earlier one, else None."""
    solid = [counts for counts in series if counts.judged >= ALARM_MIN_JUDGED]
    if len(solid) < 2:
        return None
    *earlier, latest = sorted(solid, key=lambda counts: counts.iteration)
    best = max(earlier, key=lambda counts: counts.share or 0.0)
    if (best.share or 0.0) - (latest.share or 0.0) <= ALARM_DROP:
        return None
    return (
        f"the supported share of accepted rollouts fell from {100 * (best.share or 0.0):.1f} % in iteration "
        f"{best.iteration} to {100 * (latest.share or 0.0):.1f} % in iteration {latest.iteration}, which is how reward "
        "hacking begins: read some with `automathes export unsupported --support unsupported`, and consider "
        '`selection.support = "supported"`'
    )
