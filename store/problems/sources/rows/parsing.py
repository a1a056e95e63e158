"""Parses rows into problems, by one mapping of fields for all kinds of files and data sets."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.notes import Notes
from store.problems.sources.rows.answers import is_choice, label_of
from store.problems.sources.rows.bad_rows import BadRows
from store.problems.sources.rows.derivation import origin_of
from store.problems.sources.rows.fields import (
    BadRowError,
    NoAnswerError,
    Row,
    UnwantedRowError,
    has,
    optional_text,
    text_of,
    value_of,
)
from store.problems.sources.rows.layouts import PLAIN, Layout, find_layout, overridden
from store.problems.sources.rows.questions import question_of, without_instruction
from store.problems.sources.rows.splitting import generate_id, question_key, split_of_key
from store.records import Problem, SkippedRow, Split
from store.settings import TableSettings


def problems_from_rows(
    rows: Iterable[Row], settings: TableSettings, name: str, where: str, notes: Notes
) -> Iterator[Problem]:
    """Yield a problem per row. Bad rows are either skipped or reported together at the end.

    Rows whose label is no answer are skipped, unless the settings keep them.

    Args:
        rows: the rows with their positions.
        settings: the mapping of fields, and whether to skip bad rows.
        name: stored as the problems' source.
        where: the file or data set, for messages.
        notes: takes each row that is skipped, and the layout that was found.

    Raises:
        ProblemSourceError: there are bad rows and the settings do not skip them, or there are no problems at all.
    """
    bad, skipped = BadRows(), BadRows()
    layout: Layout | None = None
    good = 0
    for position, row in rows:
        try:
            if isinstance(row, BadRowError):
                raise row
            if layout is None:
                layout = _layout_of(row, settings, f"{where}: {position}", notes)
            problem = parse_problem(row, settings, name, layout)
        except BadRowError as error:
            if _is_skipped(error, settings):
                skipped.add(position, str(error))
                notes.skip(_skipped_row(where, position, error))
            else:
                bad.add(position, str(error))
                if not good and bad.hopeless:
                    break
            continue
        good += 1
        notes.multiple_choice += is_choice(problem.question, problem.answer)
        yield problem
    if bad:
        raise ProblemSourceError(
            f'{where}: {bad}. Nothing was imported: fix them, or skip them (bad_rows = "skip", --bad-rows skip).'
        )
    if not good:
        raise ProblemSourceError(f"{where}: it contains no problems" + (f"; left out: {skipped}" if skipped else ""))


def parse_problem(row: Mapping[str, Any], settings: TableSettings, name: str, layout: Layout = PLAIN) -> Problem:
    """The problem of one row; `name` is its source, `layout` says where it has what.

    Raises:
        BadRowError: the row is no problem.
    """
    question = question_of(value_of(row, layout.question), layout.question)
    if layout.wrapped:
        question = without_instruction(question)
    if settings.skip_labels != "none":
        layout.require_usable(row)
    key = question_key(question)
    parent_key, made_by = origin_of(row, layout, key)
    split: Split = settings.derived  # if the parent is trained on, which the import looks up
    if parent_key is None:
        split = settings.split or split_of_key(key, settings.heldout_fraction)
    answer = _answer(row, settings, layout)
    if settings.multiple_choice == "leave_out" and is_choice(question, answer):
        raise UnwantedRowError(f"the label {answer!r} is the letter of a choice", "the letter of a choice")
    return Problem(
        id=text_of(row, settings.columns.id) if settings.columns.id else generate_id(name, key),
        question=question,
        answer=answer,
        source=name,
        split=split,
        split_key=key,
        subject=optional_text(row, layout.subject),
        level=optional_text(row, layout.level),
        template_twins=settings.template_twins,
        parent_key=parent_key,
        made_by=made_by,
    )


def source_name(path: Path) -> str:
    """The name of a file as a source: its folder and its own name without the suffix."""
    return "/".join(path.with_suffix("").parts[-2:]).lstrip("/")


def _layout_of(row: Mapping[str, Any], settings: TableSettings, where: str, notes: Notes) -> Layout:
    try:
        layout, name, was_detected = find_layout(row, settings)
    except ProblemSourceError as error:
        raise ProblemSourceError(f"{where}: {error}") from None
    layout = overridden(layout, settings)
    if was_detected:
        answers = " or ".join(field for field, _ in layout.answers)
        notes.found_layout(f"{where}: the layout is {name}, found by its fields: {layout.question} and {answers}")
    return layout


def _answer(row: Mapping[str, Any], settings: TableSettings, layout: Layout) -> str:
    """The label, from the first field that has a value."""
    present = [(field, form) for field, form in layout.answers if has(row, field)] or layout.answers[:1]
    with_value = [(field, form) for field, form in present if value_of(row, field) not in (None, "", [])]
    field, form = (with_value or present)[0]
    skip_no_answers = settings.skip_labels != "none"
    return label_of(value_of(row, field), field, form, skip_no_answers=skip_no_answers, lenient=layout.lacks_labels)


def _is_skipped(error: BadRowError, settings: TableSettings) -> bool:
    if settings.bad_rows == "skip" or isinstance(error, UnwantedRowError):
        return True
    return isinstance(error, NoAnswerError) and settings.skip_labels != "none"


def _skipped_row(where: str, position: str, error: BadRowError) -> SkippedRow:
    no_answer = isinstance(error, NoAnswerError)
    reason = error.reason if isinstance(error, NoAnswerError) else str(error)
    return SkippedRow(f"{where}: {position}: {error}", no_answer, reason, position)
