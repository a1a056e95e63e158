"""Problems: the question with its label, what an import did with them, and changes of labels."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, NamedTuple

_NOT_TEXT = re.compile("[\0\ud800-\udfff]")


class Split(StrEnum):
    """The split of a problem. Only `train` problems are trained on.

    A training problem becomes `excluded` when a near-duplicate of it, or of a relative, is imported as held out. A
    `candidate` was made of a training problem, and its answer is not confirmed yet (`docs/augmentation.md`).
    """

    TRAIN = "train"
    HELDOUT = "heldout"
    EXCLUDED = "excluded"
    CANDIDATE = "candidate"


class ExclusionKind(StrEnum):
    """The reason for which a problem is not trained on.

    `near_duplicate`: its question has the words of a held-out one, or nearly. `template_twin`: it has them with other
    numbers or names. `relative`: it was made of a question that is held out or excluded, such a question was made of
    it, or both were made of a third.
    """

    NEAR_DUPLICATE = "near_duplicate"
    TEMPLATE_TWIN = "template_twin"
    RELATIVE = "relative"


class ReviewStatus(StrEnum):
    """The status of a proposed correction."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


type TemplateTwins = Literal["leave_out", "train"]
"""What becomes of a training problem that is a template twin of a held-out one."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its reference answer.

    `split_key` determines the split and identifies duplicates: problems with the same key are the same problem. It is
    the task and its sorted operands for generated arithmetic, so that 3*7 and 7*3 share a split, else a hash of the
    normalised question. If several answers are accepted, each is a line of `answer`. `template_twins` "train": not
    compared by its template with the problems of the other split; None is "leave_out".

    `parent_key` is the split key of the question that this one was made of, by the method `made_by`; None for an
    original. A derived problem is trained on only if its parent is.
    """

    id: str
    question: str
    answer: str
    source: str
    split: Split
    split_key: str
    subject: str | None = None
    level: str | None = None
    template_twins: TemplateTwins | None = None
    parent_key: str | None = None
    made_by: str | None = None

    @property
    def accepted_answers(self) -> tuple[str, ...]:
        """The accepted answers, any of which is correct."""
        return accepted_answers(self.answer)


def accepted_answers(label: str) -> tuple[str, ...]:
    """The answers that a label accepts: its lines."""
    return tuple(line.strip() for line in label.split("\n") if line.strip())


def is_text(text: str) -> bool:
    """Whether databases and tokenizers accept the string: it has no NUL and no unpaired surrogate."""
    return _NOT_TEXT.search(text) is None


def make_label(answers: Iterable[str]) -> str:
    """The label that accepts these answers. Whitespace within an answer becomes single spaces."""
    return "\n".join(" ".join(answer.split()) for answer in answers)


class SkippedRow(NamedTuple):
    """A row that was not imported: its source, position and reason, and whether the reason is that it has no answer.

    `reason` is the same for all rows alike, such as those whose label is "proof".
    """

    text: str
    no_answer: bool
    reason: str
    position: str


@dataclass(frozen=True, slots=True)
class SkipReason:
    """The number of rows that were not imported for a reason, and the positions of the first of them."""

    reason: str
    no_answer: bool
    count: int = 0
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """Counts of an import. Of `read` problems, `train` and `heldout` are new.

    `known` were in the store already or came twice. `left_out` are duplicates or near-duplicates of a held-out
    problem or, for `twins` of them, its template twins. `skipped` lists the first rows that are not problems, each with
    its position and the reason, and `reasons` counts all of them. `layouts` tells which layouts were found in sources.
    `multiple_choice` problems have the letter of a choice as their label.

    `withdrawn` are stored training problems that are no longer trained on: a new held-out problem is the same (they
    become held out), a near-duplicate or, for `withdrawn_twins` of them, a template twin (they become excluded). Some
    policy was trained on `learned` of them. `relatives` counts those of the problems left out or withdrawn that are
    relatives of a held-out or excluded one; `orphans` are derived problems whose parent the store has never seen, and
    which are left out for it.

    `no_answers` are those of the skipped rows whose label is no answer, such as "proof". `unreadable` are the problems
    whose label the answer checker cannot read; whoever imports checks that.
    """

    read: int
    train: int
    heldout: int
    known: int
    left_out: int
    skipped: tuple[str, ...] = ()
    withdrawn: int = 0
    learned: int = 0
    twins: int = 0
    withdrawn_twins: int = 0
    no_answers: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    reasons: tuple[SkipReason, ...] = ()
    layouts: tuple[str, ...] = ()
    multiple_choice: int = 0
    relatives: int = 0
    orphans: int = 0

    @property
    def added(self) -> int:
        """The number of new problems in both splits."""
        return self.train + self.heldout

    def count_skipped(self, *, no_answer: bool) -> int:
        """The number of rows that were skipped because they have no answer, or because they are bad."""
        return sum(reason.count for reason in self.reasons if reason.no_answer is no_answer)


class PreviewedProblem(NamedTuple):
    """A problem as an import would store it, in this split. `known`: it is in the store already."""

    problem: Problem
    split: Split
    known: bool


@dataclass(frozen=True, slots=True)
class ImportPreview:
    """What an import would do, with the first of its problems."""

    report: ImportReport
    first: tuple[PreviewedProblem, ...]


@dataclass(frozen=True, slots=True)
class Exclusion:
    """A problem that is not trained on because it is similar to a held-out one.

    `similarity` is that of the questions, of their templates for a template twin; 1: the same words.
    """

    question: str
    answer: str
    source: str
    heldout_id: str
    similarity: float
    kind: ExclusionKind = ExclusionKind.NEAR_DUPLICATE


@dataclass(frozen=True, slots=True)
class LabelChange:
    """One entry of a problem's label history. `review_id` is the review that led to it, if any."""

    problem_id: str
    old_answer: str
    new_answer: str
    changed_by: str
    reason: str
    changed_at: float
    review_id: int | None = None
