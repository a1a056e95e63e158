"""The registry of problem sources, and importing from several at once."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from store.problems.problems import Problems
from store.problems.sources import huggingface, jsonl, parquet, reasoning_gym
from store.problems.sources.row_parsing import OnSkipped
from store.records import ImportReport, Problem, SkippedRow
from store.settings import ProblemSourceSettings

log = logging.getLogger(__name__)

SOURCES: Mapping[str, Callable[[Any, OnSkipped], Iterator[Problem]]] = {
    "reasoning_gym": reasoning_gym.generate_problems,
    "jsonl": jsonl.read_jsonl,
    "parquet": parquet.read_parquet,
    "huggingface": huggingface.read_huggingface,
}


def _log_skipped(row: SkippedRow) -> None:
    log.warning("skipped: %s", row.text)


def read_problems(source: ProblemSourceSettings, on_skipped: OnSkipped = _log_skipped) -> Iterator[Problem]:
    """Stream the problems of one source; `on_skipped` is called for each bad row that the settings allow to skip.

    Raises:
        ProblemSourceError: the source cannot be read, or has bad rows and the settings do not skip them.
    """
    return SOURCES[source.kind](source, on_skipped)


type Filter = Callable[[ProblemSourceSettings, Iterator[Problem]], Iterator[Problem]]
"""From the problems of a source to those that are imported."""


def import_problems(
    problems: Problems, sources: Sequence[ProblemSourceSettings], name: str = "", keep: Filter | None = None
) -> ImportReport:
    """Add the new problems of all sources that `keep` lets pass, or none if one of the sources is bad.

    Held-out problems are imported first: a problem that is both in a test set and in a training set is held out.

    Raises:
        ProblemSourceError: a source cannot be read, or has bad rows and the settings do not skip them.
        InvalidProblemError: two problems share an id.
    """
    skipped: list[SkippedRow] = []
    read = ((source, read_problems(source, skipped.append)) for source in sources)
    new = chain.from_iterable(keep(source, found) if keep else found for source, found in read)
    report = problems.import_new(new, name)
    no_answers = tuple(row.text for row in skipped if row.no_answer)
    return replace(report, skipped=tuple(row.text for row in skipped), no_answers=no_answers)
