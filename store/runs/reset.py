"""Whether a run has used a store, and clearing a store whose run ended before its first policy."""

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from store.database.tables import Base, PolicyRow, ProblemRow
from store.errors import StoreError


def is_empty(session: Session) -> bool:
    """Whether there are neither problems nor policies."""
    return not session.scalar(select(exists(select(ProblemRow.id)) | exists(select(PolicyRow.version))))


def clear(session: Session) -> None:
    """Delete all rows.

    Raises:
        StoreError: a policy was published, so the rows belong to a run.
    """
    if session.scalar(select(exists(select(PolicyRow.version)))):
        raise StoreError("the store holds the policies of a run and is not cleared")
    for table in reversed(Base.metadata.sorted_tables):
        session.execute(delete(table))
