"""Browsing rollouts: which ones, and a page of them."""

from dataclasses import dataclass

from store.records.problems import Split
from store.records.rollouts import FaultKind, Outcome, Purpose


@dataclass(frozen=True, slots=True)
class RolloutFilter:
    """The rollouts to browse: those that meet all conditions that are not None.

    `policy_version` is that of the last span. `source` and `split` are those of the problem. `text` is looked for in
    the problem's question and in the rollout's segments, whatever its case.
    """

    problem_id: str | None = None
    source: str | None = None
    split: Split | None = None
    purpose: Purpose | None = None
    outcome: Outcome | None = None
    policy_version: int | None = None
    iteration: int | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class RolloutSummary:
    """A rollout in a list. `seq` is its place in the order of writing, `written_at` is in Unix seconds.

    `question` is the beginning of the problem's question, and `source` and `split` are the problem's.
    """

    seq: int
    id: str
    problem_id: str
    question: str
    source: str
    split: Split
    purpose: Purpose
    outcome: Outcome
    fault: FaultKind | None
    policy_version: int | None
    iteration: int | None
    answer: str | None
    tokens: int
    seconds: float
    written_at: float


@dataclass(frozen=True, slots=True)
class RolloutPage:
    """Some rollouts that match a filter, newest first.

    `older` is the place to go on from towards older ones, `newer` the one towards newer ones; None if there are none.
    `searched_to` is set if the search ran out of time before the page was full: when the last rollout that it looked
    at was written.
    """

    rollouts: tuple[RolloutSummary, ...]
    older: int | None = None
    newer: int | None = None
    searched_to: float | None = None


@dataclass(frozen=True, slots=True)
class RolloutCount:
    """The number of rollouts that match a filter, or, unless `is_exact`, of those that were counted in time."""

    number: int
    is_exact: bool
