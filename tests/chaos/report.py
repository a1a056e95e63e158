"""The table of recoveries by kind of fault, and the list of violations."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.recovery import Recovery

LARGEST_DROP_POINTS = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: points are held-out pass@1."""

    planned: int
    recoveries: Sequence[Recovery]
    violations: Sequence[str]
    unplanned: Sequence[str]
    points: float | None = None
    undisturbed: float | None = None
    seconds: float = 0.0

    @property
    def failures(self) -> list[str]:
        """A line for each thing that should not have been."""
        late = [recovery for recovery in self.recoveries if not (recovery.is_whole or recovery.is_outlived)]
        lines = [f"not recovered from: {recovery.planned} {recovery.strike}" for recovery in late]
        if len(self.recoveries) < self.planned:
            lines.append(f"only {len(self.recoveries)} of {self.planned} faults came before the end of the run")
        if self.points is None:
            lines.append("no policy was measured")
        elif self.undisturbed is not None and self.undisturbed - self.points > LARGEST_DROP_POINTS:
            lines.append(f"held-out pass@1 is {self.points:.1f}, undisturbed {self.undisturbed:.1f}")
        return [*lines, *self.unplanned, *self.violations]


def table(recoveries: Sequence[Recovery]) -> str:
    """Seconds of recovery by kind, as Markdown: until the part worked again, and until it was back."""
    lines = [
        "| fault | times | work again, median s | slowest | part back, median s | slowest |",
        "|---|---|---|---|---|---|",
    ]
    for kind in dict.fromkeys(recovery.strike.kind for recovery in recoveries):
        of_kind = [recovery for recovery in recoveries if recovery.strike.kind == kind]
        work = [recovery.work_s for recovery in of_kind]
        back = [recovery.back_s for recovery in of_kind]
        lines.append(f"| {kind} | {len(of_kind)} | {_seconds(work)} | {_seconds(back)} |")
    return "\n".join(lines)


def print_outcome(outcome: Outcome) -> None:
    """Print everything about a run, failures last."""
    print(f"{len(outcome.recoveries)} of {outcome.planned} faults in {outcome.seconds:.0f} s\n")
    print(table(outcome.recoveries))
    for recovery in outcome.recoveries:
        said = "; ".join(_without_progress(recovery.said))
        print(
            f"  {recovery.strike.kind:16} iteration {recovery.planned.iteration:2} work {_second(recovery.work_s)} "
            f"back {_second(recovery.back_s)}  {said}"
        )
    if outcome.points is not None:
        against = f", undisturbed {outcome.undisturbed:.1f}" if outcome.undisturbed is not None else ""
        print(f"\nheld-out pass@1 {outcome.points:.1f}{against}")
    for failure in outcome.failures:
        print(f"failed: {failure}")


def _without_progress(said: Sequence[str]) -> list[str]:
    """What the run said that it did, the first of all lines that differ in numbers alone."""
    first: dict[str, str] = {}
    for line in said:
        first.setdefault(re.sub(r"\d+", "", line), line)
    return list(first.values())


def _seconds(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "- | -"
    return f"{statistics.median(known):.1f} | {max(known):.1f}"


def _second(value: float | None) -> str:
    return "     -" if value is None else f"{value:6.1f}"
