"""Problems as rows, for trainers that sample attempts themselves: the prompt, and the answer that a reward compares."""

from typing import Any

import pyarrow as pa
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.tables import ProblemRow
from store.export.rows import MESSAGE, Column
from store.export.settings import ExportSettings, Messages
from store.problems.queries import PROBLEM_COLUMNS
from store.records import Problem, Split

_SPLITS = {Split.TRAIN: "train", Split.HELDOUT: "test"}  # as verl's examples name them


def verl_columns(_settings: ExportSettings) -> tuple[Column, ...]:
    """The columns that verl reads."""
    reward = pa.struct([("style", pa.string()), ("ground_truth", pa.string())])
    extra = pa.struct(
        [("split", pa.string()), ("index", pa.int64()), ("id", pa.string()), ("answers", pa.list_(pa.string()))]
    )
    return (
        ("data_source", pa.string(), "the source of the problem"),
        ("prompt", pa.list_(MESSAGE), "system and user"),
        ("ability", pa.string(), "math"),
        ("reward_model", reward, "`ground_truth` is the reference answer, the first one if there are several"),
        ("extra_info", extra, "split, position, the problem's id, and all answers that are accepted"),
    )


def count_problems(session: Session, _settings: ExportSettings, split: Split, _until: int) -> int:
    """The number of problems of a split."""
    return session.scalar(select(func.count()).select_from(ProblemRow).where(ProblemRow.split == split)) or 0


def read_problems(
    session: Session, _settings: ExportSettings, split: Split, after: int, _until: int, messages: Messages, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """(the problems whose shuffle key, plus 1, is above `after`, the last such number), in the order of the keys."""
    # One more than the key, since `after` is 0 before the first row, and so may a key be.
    number = ProblemRow.shuffle_key + 1
    of_split = ProblemRow.split == split
    keys = select(number).where(of_split, ProblemRow.shuffle_key >= after).order_by(ProblemRow.shuffle_key).limit(limit)
    last = session.scalar(select(func.max(keys.subquery().c[0])))
    if last is None:
        return [], after
    # Of problems with equal keys, a page has all or none.
    page = select(*PROBLEM_COLUMNS).where(of_split, ProblemRow.shuffle_key >= after, ProblemRow.shuffle_key < last)
    earlier = select(func.count()).select_from(ProblemRow).where(of_split, ProblemRow.shuffle_key < after)
    first = session.scalar(earlier) or 0
    found = session.execute(page.order_by(ProblemRow.shuffle_key, ProblemRow.id))
    return [_row(Problem(*row), index, messages) for index, row in enumerate(found, first)], last


def _row(problem: Problem, index: int, messages: Messages) -> dict[str, Any]:
    answers = list(problem.accepted_answers)
    return {
        "data_source": problem.source,
        "prompt": messages(problem, None),
        "ability": "math",
        "reward_model": {"style": "rule", "ground_truth": answers[0]},
        "extra_info": {"split": _SPLITS[problem.split], "index": index, "id": problem.id, "answers": answers},
    }
