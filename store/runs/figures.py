"""The figures of an evaluation: means over problems, with their errors and with the problems that they lack."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """A metric's mean over `n` problems, a share from 0 to 1.

    `standard_error` is None for a single problem. `low` and `high` are the ends of a 95 % interval. `missing` problems
    are not among the `n`, because they lack samples after system faults. An evaluation of an earlier version has none
    of these four.
    """

    value: float
    n: int
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    missing: int | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of an evaluation by metric.

    `undecided` attempts, whose comparison with the reference reached no verdict, are counted as not correct.
    `unverifiable` problems, whose reference cannot be read, are in no figure.
    """

    figures: Mapping[str, Figure]
    undecided: int = 0
    unverifiable: int = 0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One figure of one policy on one benchmark, e.g. metric `pass@1`, value 0.62 over 500 problems.

    `undecided` and `unverifiable` are those of its evaluation (see `Measured`), None if an earlier version measured it.
    """

    policy_version: int
    benchmark: str
    metric: str
    figure: Figure
    undecided: int | None = None
    unverifiable: int | None = None
