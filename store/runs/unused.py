"""Whether a store has been used by a run, and emptying one by which no run ever got to a policy."""

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from store.database.tables import Base, PolicyRow, ProblemRow
from store.errors import StoreError


def is_empty(session: Session) -> bool:
    """Whether it holds neither problems nor policies."""
    return not session.scalar(select(exists(select(ProblemRow.id)) | exists(select(PolicyRow.version))))


def empty(session: Session) -> None:
    """Takes away everything.

    Raises:
        StoreError: a policy was published, so that what is here is a run.
    """
    if session.scalar(select(exists(select(PolicyRow.version)))):
        raise StoreError("the store holds the policies of a run, and is not emptied")
    for table in reversed(Base.metadata.sorted_tables):
        session.execute(delete(table))
