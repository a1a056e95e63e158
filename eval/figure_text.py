"""Figures as they are printed: in points (0 to 100), with their errors and with what they lack."""

from collections.abc import Mapping
from math import sqrt

from eval.comparison import Comparison
from store.runs.figures import Figure, Measured

_NORMAL_95 = 1.96


def error_of(figure: Figure) -> float | None:
    """The standard error of a figure, a share from 0 to 1. None for a single problem.

    A figure of an earlier version has none stored and gets that of a proportion. This is right if each problem scores 0
    or 1, as with a single attempt, and else too large: no variable from 0 to 1 with the same mean varies more.
    """
    if figure.low is not None:
        return figure.standard_error
    return sqrt(figure.value * (1 - figure.value) / figure.n) if figure.n else None


def interval_of(figure: Figure) -> tuple[float, float] | None:
    """The 95 % interval of a figure, shares from 0 to 1.

    A figure of an earlier version gets 1.96 standard errors on each side. None if that is not known either.
    """
    if figure.low is not None and figure.high is not None:
        return figure.low, figure.high
    error = error_of(figure)
    if error is None:
        return None
    return max(figure.value - _NORMAL_95 * error, 0.0), min(figure.value + _NORMAL_95 * error, 1.0)


def points(value: float, error: float | None) -> str:
    """A value with its standard error, such as `84.2 ± 1.1`."""
    return f"{100 * value:.1f}" + ("" if error is None else f" ± {100 * error:.1f}")


def figure_points(figure: Figure) -> str:
    """A figure with its standard error, such as `84.2 ± 1.1`."""
    return points(figure.value, error_of(figure))


def interval_points(figure: Figure) -> str:
    """The 95 % interval of a figure, such as `82.0 to 86.3`; empty if it is not known."""
    interval = interval_of(figure)
    return "" if interval is None else f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"


def coverage(figure: Figure) -> str:
    """The problems of a figure, such as `498 of 500 problems; 2 lack samples after system faults`."""
    if not figure.missing:
        return count(figure.n, "problem")
    lack = "lacks" if figure.missing == 1 else "lack"
    return (
        f"{figure.n:,} of {count(figure.n + figure.missing, 'problem')}; "
        f"{figure.missing:,} {lack} samples after system faults"
    )


def describe(metric: str, figure: Figure) -> str:
    """A figure on one line, such as `pass@8 84.2 ± 1.1 (498 of 500 problems; 2 lack samples after system faults)`."""
    return f"{metric} {figure_points(figure)} ({coverage(figure)})"


def describe_comparison(comparison: Comparison) -> str:
    """A difference on one line, such as `+2.3 ± 1.1 points on 400 problems (95 % interval +0.2 to +4.5)`.

    With the problems that only one of the two solves, such as `; 25 gained, 16 lost`, unless they are not known.
    """
    discordant = discordant_text(comparison)
    return (
        f"{gain(comparison)} points on {count(comparison.n, 'problem')} (95 % interval {gain_interval(comparison)})"
        + (f"; {discordant}" if discordant else "")
    )


def discordant_text(comparison: Comparison) -> str:
    """The problems that only one of the two solves, such as `25 gained, 16 lost`; empty if they are not known."""
    pairs = comparison.pairs
    return "" if pairs is None else f"{pairs.gained:,} gained, {pairs.lost:,} lost"


def gain_interval(comparison: Comparison) -> str:
    """The 95 % interval of a difference, such as `+0.2 to +4.5`."""
    return f"{100 * comparison.low:+.1f} to {100 * comparison.high:+.1f}"


def gain(comparison: Comparison) -> str:
    """A difference with its standard error, such as `+2.3 ± 1.1`."""
    error = "" if comparison.standard_error is None else f" ± {100 * comparison.standard_error:.1f}"
    return f"{100 * comparison.difference:+.1f}{error}"


def incomplete(figures: Mapping[str, Figure]) -> list[str]:
    """The figures that lack problems, those that lack the same ones together."""
    names: dict[str, list[str]] = {}
    for name, figure in figures.items():
        if figure.missing:
            names.setdefault(coverage(figure), []).append(name)
    return [f"{' and '.join(some)} over {problems}" for problems, some in names.items()]


def omissions(undecided: int | None, unverifiable: int | None) -> list[str]:
    """Sentences about the attempts without a verdict and the problems that no figure of an evaluation has."""
    found = []
    if undecided:
        found.append(f"{count(undecided, 'attempt')} without a verdict of the checker, counted as not correct")
    if unverifiable:
        found.append(f"{count(unverifiable, 'problem')} left out, because the reference cannot be read")
    return found


def figure_lines(measured: Measured, samples: int) -> list[str]:
    """The figures of an evaluation with `samples` attempts per problem, with intervals, and what no figure has."""
    figures = [f"{describe(name, one)}, 95 % interval {interval_points(one)}" for name, one in measured.figures.items()]
    return figures + absent(measured, samples) + omissions(measured.undecided, measured.unverifiable)


def gaps(measured: Measured, samples: int) -> list[str]:
    """The figures that lack problems, and what no figure has; empty if every attempt was judged."""
    figures = [describe(metric, figure) for metric, figure in measured.figures.items() if figure.missing]
    return figures + absent(measured, samples) + omissions(measured.undecided, measured.unverifiable)


def absent(measured: Measured, samples: int) -> list[str]:
    """A sentence if there is no pass@k."""
    if f"pass@{samples}" in measured.figures:
        return []
    return [f"no pass@{samples}: no problem has all {samples} samples after system faults"]


def count(number: int, noun: str) -> str:
    """A number of things, such as `1 problem` or `1,200 problems`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
