"""The assessment of a value model on the attempts of an evaluation: everything that its report shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.intervals import bootstrap_interval, mean_figure, standard_error
from eval.metrics import NothingMeasuredError
from eval.values.calibration import Calibration, calibration
from eval.values.discrimination import Auc, auc, auc_within_problems
from eval.values.picking import METHODS
from eval.values.slices import Slice, slices_by
from eval.values.table import Attempts, Floats, score_table
from store.records import Outcome, ScoredAttempt
from store.runs.figures import Figure

MOST_SAMPLES = 20
"""The largest k of the picking curves."""


@dataclass(frozen=True, slots=True)
class Gain:
    """The mean difference of two methods over the same problems, with its standard error and 95 % interval."""

    value: float
    standard_error: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Picking:
    """The accuracy of each method of `eval.values.picking` at each k, over the problems that have all attempts.

    `gains` are those of choosing by the value over the other ways, at the largest k.
    """

    ks: tuple[int, ...]
    figures: Mapping[str, tuple[Figure, ...]]
    gains: Mapping[str, Gain]


@dataclass(frozen=True, slots=True)
class Assessment:
    """What scores are worth. `attempts` have a score and a verdict; `without_verdict` have no verdict, or no score."""

    problems: int
    attempts: int
    without_verdict: int
    auc: Auc
    auc_within_problems: Figure | None
    calibration: Calibration
    picking: Picking
    by_length: tuple[Slice, ...]
    by_blocks: tuple[Slice, ...]


def assess(attempts: Attempts, samples: int) -> Assessment:
    """Assess scores on attempts, `samples` of which were scheduled for each problem.

    Attempts at problems whose label cannot be read, and those that ended in a fault, are left out, as in
    `eval.metrics`.

    Raises:
        NothingMeasuredError: no attempt has a score and a verdict, or no problem has all its attempts.
    """
    kept = countable(attempts)
    table = score_table(kept)
    return Assessment(
        problems=len(kept),
        attempts=len(table),
        without_verdict=sum(map(len, attempts.values())) - len(table),
        auc=auc(table),
        auc_within_problems=auc_within_problems(table),
        calibration=calibration(table),
        picking=pick(kept, samples),
        by_length=slices_by(table, kept, samples, "tokens"),
        by_blocks=slices_by(table, kept, samples, "blocks"),
    )


def countable(attempts: Attempts) -> dict[str, list[ScoredAttempt]]:
    """The attempts that count: at problems with a readable label, and no faults."""
    kept = {
        problem: [one for one in own if one.outcome is not Outcome.FAULT]
        for problem, own in attempts.items()
        if not any(one.outcome is Outcome.UNVERIFIABLE for one in own)
    }
    return {problem: own for problem, own in kept.items() if own}


def pick(attempts: Attempts, samples: int) -> Picking:
    """The accuracy of each method at k = 1 to `samples`, at most 20.

    Raises:
        NothingMeasuredError: no problem has all its attempts, each with a score.
    """
    complete = complete_problems(attempts, samples)
    if not complete:
        raise NothingMeasuredError(f"no problem has {samples} attempts that all have a score")
    ks = tuple(range(1, min(samples, MOST_SAMPLES) + 1))
    missing = len(attempts) - len(complete)
    found = {name: {k: np.array([method(own, k) for own in complete]) for k in ks} for name, method in METHODS.items()}
    figures = {name: tuple(mean_figure(by_k[k], missing) for k in ks) for name, by_k in found.items()}
    best = found["best"][ks[-1]]
    gains = {name: _gain(best - found[name][ks[-1]]) for name in ("maj", "random", "weighted")}
    return Picking(ks, figures, gains)


def complete_problems(attempts: Attempts, samples: int) -> list[Sequence[ScoredAttempt]]:
    """The first `samples` attempts at each problem that has as many, all of them scored."""
    chosen = (own[:samples] for own in attempts.values() if len(own) >= samples)
    return [own for own in chosen if all(one.score is not None for one in own)]


def _gain(differences: Floats) -> Gain:
    low, high = bootstrap_interval(differences, -1.0, 1.0)
    return Gain(float(differences.mean()), standard_error(differences), low, high)
