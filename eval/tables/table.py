"""A table, whatever it is written as."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text below a header; `notes` stand below it. The first `labels` columns name a row.

    A row in `emphasised`, by its position, is one of ours.
    """

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    labels: int = 1
    notes: Sequence[str] = ()
    emphasised: frozenset[int] = field(default_factory=frozenset)
