"""Layouts: the fields of data sets that many people train on, by name, and their detection.

The fields are those that the data sets' cards and the projects' own scripts name, as of 2025.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.rows.fields import BadRowError, NoAnswerError, has, value_of
from store.problems.sources.rows.questions import OPENINGS, question_of
from store.settings import AnswerForm, LayoutName, TableSettings

type Fields = Mapping[str, Any]


def _always(_row: Fields) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Layout:
    """Where rows have what.

    The answer is in the first field of `answers` that the row has with a value, in the form given. Rows that lack the
    form have no usable label if `lacks_labels`; else they are bad. `requires` are fields that must have one of the
    values, and `refuses` fields that must not, if the row has them: other rows are left out. `wrapped`: known
    instructions around the question are removed. `parent` is the field with the question that the row's was made of,
    and `method` the one that says how.

    A row has this layout if it has all fields of `all_of`, one of `any_of`, no others than `answers` and `question` if
    `alone`, and `looks` like it.
    """

    question: str
    answers: tuple[tuple[str, AnswerForm], ...]
    subject: tuple[str, ...] = ("subject",)
    level: tuple[str, ...] = ("level",)
    wrapped: bool = False
    parent: str | None = None
    method: str | None = None
    lacks_labels: bool = False
    requires: Mapping[str, frozenset[str]] | None = None
    refuses: Mapping[str, frozenset[str]] | None = None
    all_of: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    alone: bool = False
    looks: Callable[[Fields], bool] = _always

    def fits(self, row: Fields) -> bool:
        """Whether a row has this layout."""
        return (
            all(has(row, field) for field in self.all_of)
            and (not self.any_of or any(has(row, field) for field in self.any_of))
            and (not self.alone or set(row) <= {*self.all_of, *self.any_of})
            and self.looks(row)
        )

    def require_usable(self, row: Fields) -> None:
        """Raise `NoAnswerError` if the data set itself marks the row as one without a usable label."""
        for field, values in (self.requires or {}).items():
            value = value_of(row, field) if has(row, field) else None
            if value is not None and str(value).casefold() not in values:
                raise NoAnswerError(f"{field!r} is {str(value)[:30]!r}", f"{field} is {str(value)[:30]!r}")
        for field, values in (self.refuses or {}).items():
            value = value_of(row, field) if has(row, field) else None
            if str(value).casefold() in values:
                raise NoAnswerError(f"{field!r} is {value!r}", f"{field} is {value!r}")


def _is_dapo(row: Fields) -> bool:
    if row.get("data_source") == "math_dapo":
        return True
    try:
        return question_of(row["prompt"], "prompt").startswith(OPENINGS)
    except BadRowError:
        return False


def _ends_with_hashes(row: Fields) -> bool:
    lines = str(row["answer"]).strip().splitlines()
    return bool(lines) and lines[-1].startswith("####")


def _has_answer_or_solution(row: Fields) -> bool:
    return "answer" in row or "solution" in row


PLAIN = Layout("question", (("answer", "plain"),))
"""The fields of rows without a layout."""

_VERL = Layout(
    "prompt",
    (("reward_model.ground_truth", "plain"),),
    wrapped=True,
    lacks_labels=True,
    all_of=("prompt", "reward_model.ground_truth"),
)
_NUMINAMATH = Layout(
    "problem",
    (("answer", "plain"), ("solution", "boxed")),  # NuminaMath-CoT has no answers, only solutions with boxes
    subject=("problem_type",),
    lacks_labels=True,
    requires={"problem_is_valid": frozenset({"yes"}), "solution_is_valid": frozenset({"yes"})},
    refuses={"question_type": frozenset({"proof"})},
    all_of=("problem",),
    any_of=("question_type", "problem_type", "messages"),
    looks=_has_answer_or_solution,
)

LAYOUTS: Mapping[LayoutName, Layout] = {
    "dapo": replace(_VERL, looks=_is_dapo),
    "verl": _VERL,
    "openr1": replace(
        _NUMINAMATH,
        answers=(("answer", "plain"),),
        all_of=("problem", "answer", "generations"),
        any_of=("correctness_math_verify", "correctness_llama", "is_reasoning_complete"),
    ),
    "numinamath": _NUMINAMATH,
    "math": Layout(
        "problem",
        (("solution", "boxed"),),
        subject=("type", "subject"),
        lacks_labels=True,
        all_of=("problem", "solution", "level"),
        any_of=("type", "subject"),
    ),
    "deepscaler": Layout(
        "problem",
        (("answer", "plain"),),
        lacks_labels=True,
        all_of=("problem", "answer", "solution"),
        alone=True,
    ),
    "trl": Layout(
        "prompt",
        (("answer", "auto"), ("solution", "auto")),
        wrapped=True,
        lacks_labels=True,
        all_of=("prompt",),
        any_of=("answer", "solution"),
    ),
    "gsm8k": Layout(
        "question",
        (("answer", "gsm8k"),),
        lacks_labels=True,
        all_of=("question", "answer"),
        looks=_ends_with_hashes,
    ),
    "metamath": Layout(
        "query",
        (("response", "sentence"),),
        lacks_labels=True,
        parent="original_question",
        method="type",
        all_of=("query", "response", "original_question", "type"),
    ),
}
"""The layouts by name, in the order in which detection tries them."""


def find_layout(row: Fields, settings: TableSettings) -> tuple[Layout, LayoutName | None, bool]:
    """(the layout of a source, its name if it has one, whether it was detected), given the source's first row.

    Raises:
        ProblemSourceError: the layout is to be detected, and the row has none.
    """
    if settings.layout is not None and settings.layout != "auto":
        return LAYOUTS[settings.layout], settings.layout, False
    if settings.layout is None and (settings.answer_from or settings.columns.question or settings.columns.answer):
        return PLAIN, None, False
    is_plain = settings.layout is None and "question" in row and "answer" in row
    candidates: Iterable[LayoutName] = ("gsm8k",) if is_plain else LAYOUTS
    found = next((name for name in candidates if LAYOUTS[name].fits(row)), None)
    if found is not None:
        return LAYOUTS[found], found, True
    if settings.layout == "auto":
        fields = ", ".join(sorted(map(str, row))) or "none"
        raise ProblemSourceError(
            f"its fields ({fields}) are those of no known layout ({', '.join(LAYOUTS)}): name them (columns, --map)"
        )
    return PLAIN, None, False


def overridden(layout: Layout, settings: TableSettings) -> Layout:
    """The layout with the fields and the form of answers that the settings name instead."""
    columns, answers = settings.columns, layout.answers
    if columns.answer:
        answers = ((columns.answer, answers[0][1]),)
    if settings.answer_from:
        answers = tuple((field, settings.answer_from) for field, _ in answers)
    return replace(
        layout,
        question=columns.question or layout.question,
        answers=answers,
        subject=(columns.subject,) if columns.subject else layout.subject,
        level=(columns.level,) if columns.level else layout.level,
    )
