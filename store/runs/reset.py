"""Whether a run has used a store, and clearing a store whose run ended before its first policy."""

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from store.database.tables import (
    AnnotationAttemptRow,
    AnnotationJobRow,
    AnnotationQuestionRow,
    AnnotationRequestRow,
    AnnotationTurnRow,
    Base,
    ExclusionRow,
    HeldOutBandRow,
    HeldOutTemplateRow,
    ImportRow,
    PolicyRow,
    ProblemRow,
    table,
)
from store.errors import StoreError
from store.problems.queries import UNATTEMPTED

_PAID = tuple(
    table(row)
    for row in (
        AnnotationJobRow,
        AnnotationAttemptRow,
        AnnotationTurnRow,
        AnnotationRequestRow,
        AnnotationQuestionRow,
    )
)  # what a teacher was paid for, which belongs to no run
_OF_IMPORTS = tuple(table(row) for row in (ProblemRow, ImportRow, ExclusionRow, HeldOutBandRow, HeldOutTemplateRow))


def is_empty(session: Session) -> bool:
    """Whether there are neither problems nor policies."""
    return not session.scalar(select(exists(select(ProblemRow.id)) | exists(select(PolicyRow.version))))


def clear(session: Session, *, keep_problems: bool = False) -> None:
    """Delete all rows, or all but those of imports; what teachers were paid for stays.

    Raises:
        StoreError: a policy was published, so the rows belong to a run.
    """
    if session.scalar(select(exists(select(PolicyRow.version)))):
        raise StoreError("the store holds the policies of a run and is not cleared")
    for one in reversed(Base.metadata.sorted_tables):
        if one not in _PAID and not (keep_problems and one in _OF_IMPORTS):
            session.execute(delete(one))
    if keep_problems:
        session.execute(update(ProblemRow).values(UNATTEMPTED))
