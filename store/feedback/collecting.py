"""Writing completions and ratings, and pruning what nobody has looked at for long."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from store.database.tables import CollectedAnswerRow, CollectedRow, table
from store.errors import UnknownRecordError
from store.problems.queries import insert_or_keep
from store.records import Completion, Rating, ReviewStatus

KEEP = 100_000
"""The newest completions that are kept, rated or not: a few hundred megabytes at a few kilobytes each."""

KEEP_RATED = 10 * KEEP
"""Of the newest so many, the rated ones are kept too. Those that became problems stay in any case."""


def add_completions(session: Session, new: Sequence[Completion]) -> int:
    """Store completions whose ids are new; returns how many."""
    by_id = {completion.id: completion for completion in new}
    statement = insert_or_keep(session, CollectedRow, CollectedRow.id).returning(CollectedRow.seq, CollectedRow.id)
    rows = session.execute(statement, [_row(completion) for completion in by_id.values()])
    added = {name: seq for seq, name in rows}
    answers = [row for name, seq in added.items() for row in _answer_rows(by_id[name], seq)]
    if answers:
        session.execute(insert(table(CollectedAnswerRow)), answers)
    return len(added)


def prune(session: Session, keep: int = KEEP, keep_rated: int = KEEP_RATED) -> None:
    """Delete the oldest completions. Both conditions are ranges of an index that are empty after each call."""
    newest = session.scalar(select(func.max(CollectedRow.seq))) or 0
    unrated = CollectedRow.status == ReviewStatus.OPEN, CollectedRow.rated_at.is_(None)
    for expired in (
        (*unrated, CollectedRow.seq <= newest - keep),
        (CollectedRow.status != ReviewStatus.ACCEPTED, CollectedRow.seq <= newest - keep_rated),
    ):
        session.execute(delete(CollectedRow).where(*expired), execution_options={"synchronize_session": False})


def rate(session: Session, rating: Rating, now: float) -> None:
    """Store a rating in the place of an earlier one of the same choice.

    Raises:
        UnknownRecordError: no such completion was collected, or it has no such choice.
    """
    seq = session.scalar(select(CollectedRow.seq).where(CollectedRow.id == rating.completion_id))
    if seq is None:
        raise UnknownRecordError(f"no completion {rating.completion_id!r} was collected, or it is not kept any more")
    values = {
        "rating": rating.rating,
        "right_answer": rating.right_answer,
        "comment": rating.comment,
        "rated_at": now,
    }
    choice = CollectedAnswerRow.collected_seq == seq, CollectedAnswerRow.choice == rating.choice
    rated = update(CollectedAnswerRow).where(*choice).values(values).returning(CollectedAnswerRow.choice)
    if session.execute(rated).one_or_none() is None:
        of_it = CollectedAnswerRow.collected_seq == seq
        count = session.scalar(select(func.count()).select_from(CollectedAnswerRow).where(of_it))
        raise UnknownRecordError(f"completion {rating.completion_id!r} has {count} choices, and no {rating.choice}")
    session.execute(update(CollectedRow).where(CollectedRow.seq == seq).values(rated_at=now))


def _row(completion: Completion) -> dict[str, Any]:
    messages = [{name: _storable(text) for name, text in message.items()} for message in completion.messages]
    return {
        "id": completion.id,
        "model": completion.model,
        "request": {"messages": messages, "sampling": dict(completion.sampling)},
        "created_at": completion.created_at,
        "status": ReviewStatus.OPEN,
    }


def _answer_rows(completion: Completion, seq: int) -> list[dict[str, Any]]:
    return [
        {
            "collected_seq": seq,
            "choice": choice,
            "content": _storable(answer.content),
            "answer": None if answer.answer is None else _storable(answer.answer),
            "finish_reason": answer.finish_reason,
            "policy_version": answer.policy_version,
        }
        for choice, answer in enumerate(completion.answers)
    ]


def _storable(text: str) -> str:
    """The text with a replacement for NUL, which a policy may write and databases refuse."""
    return text.replace("\0", "\ufffd")
