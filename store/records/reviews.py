"""What people review: items in queues, decisions on them, and solutions that they edited."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from store.records.rollouts import ExecutionRecord, Rollout


class ReviewKind(StrEnum):
    """What an item asks about: whether a solution is right, or whether a label is to be corrected."""

    SOLUTION = "solution"
    LABEL = "label"


class ReviewQueue(StrEnum):
    """The queue of an item.

    `labels`: corrections that the audit proposes. `doubts`: solutions whose answer does not follow from their code, or
    that the checker could not judge. `checks`: a sample of the accepted solutions.
    """

    LABELS = "labels"
    DOUBTS = "doubts"
    CHECKS = "checks"


class ReviewOrder(StrEnum):
    """The order of a queue, highest first; `store.reviews.scores` defines the three."""

    VALUE = "value"
    DISAGREEMENT = "disagreement"
    DOUBT = "doubt"


class ReviewReason(StrEnum):
    """Why an item was put into its queue."""

    AUDIT = "audit"
    UNSUPPORTED = "unsupported"
    UNDECIDED = "undecided"
    UNVERIFIABLE = "unverifiable"
    CHECKER_FAULT = "checker_fault"
    SPOT_CHECK = "spot_check"


class ReviewState(StrEnum):
    """`withdrawn`: the question is moot, such as a label that was decided in the terminal."""

    OPEN = "open"
    SETTLED = "settled"
    WITHDRAWN = "withdrawn"


class ReviewVerdict(StrEnum):
    """What a reviewer decided. `edit` rejects a solution and gives a right one; `undo` takes a decision back."""

    ACCEPT = "accept"
    REJECT = "reject"
    UNSURE = "unsure"
    EDIT = "edit"
    UNDO = "undo"


@dataclass(frozen=True, slots=True)
class EditedSolution:
    """A solution as a reviewer left it, after its code ran: turns as (text, output after it), and the executions.

    `rollout_id` is that of the demonstration that it becomes.
    """

    text: str
    turns: Sequence[tuple[str, str | None]]
    executions: Sequence[ExecutionRecord]
    answer: str
    rollout_id: str


@dataclass(frozen=True, slots=True)
class ReviewDecision:
    """One row of the history, which is never changed. An `undo` names the decision that it takes back in `undoes`.

    `source` is "page", or the name of the import that it came from.
    """

    id: int
    item_id: int
    reviewer: str
    verdict: ReviewVerdict
    note: str
    decided_at: float
    edit: EditedSolution | None = None
    undoes: int | None = None
    source: str = "page"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """A question to reviewers, about a rollout or about a proposed correction of a label.

    `disagreement`, `doubt` [bits] and `value` order the queues. `needed` decisions settle it, of which `decided` are
    there. `key` is its name in other tools. `verdict` is set once it is settled, and `effect` says what became of it
    once that was applied.
    """

    id: int
    kind: ReviewKind
    key: str
    queue: ReviewQueue
    reason: ReviewReason
    problem_id: str
    rollout_id: str | None
    label_review_id: int | None
    disagreement: float
    doubt: float
    value: float
    state: ReviewState
    needed: int
    decided: int
    verdict: ReviewVerdict | None = None
    settled_at: float | None = None
    effect: str | None = None


@dataclass(frozen=True, slots=True)
class ReviewLease:
    """The right to decide on an item until `expires_at` [Unix seconds], for one page of a reviewer."""

    token: str
    item: ReviewItem
    reviewer: str
    expires_at: float


@dataclass(frozen=True, slots=True)
class QueueProgress:
    """Items of a queue: for a reviewer to decide on, and all by state; `conflicts` are open, for a third reviewer."""

    queue: ReviewQueue
    for_reviewer: int
    open: int
    conflicts: int
    settled: int


class PairCount(NamedTuple):
    """How many items of a kind two reviewers decided with these verdicts. What agreement is computed from."""

    kind: ReviewKind
    first: str
    second: str
    first_verdict: ReviewVerdict
    second_verdict: ReviewVerdict
    items: int


@dataclass(frozen=True, slots=True)
class ReviewedItem:
    """An item with what it is about, a rollout or a proposed answer, and its whole history, oldest first."""

    item: ReviewItem
    question: str
    label: str
    proposed_answer: str | None
    rollout: Rollout | None
    decisions: Sequence[ReviewDecision]


@dataclass(frozen=True, slots=True)
class ImportedDecision:
    """A decision of another tool, on the item with this key (see `item_key`).

    `edited` is the text of an edited solution, `edit` what became of it in the sandbox.
    """

    item_key: str
    reviewer: str
    verdict: ReviewVerdict
    note: str = ""
    edited: str | None = None
    edit: EditedSolution | None = None


def item_key(kind: ReviewKind, subject: str | int) -> str:
    """The name of an item in other tools: `solution:12-3` for rollout 12-3, `label:7` for review 7."""
    return f"{kind.value}:{subject}"
