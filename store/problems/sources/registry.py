"""The kinds of problem sources, and importing from several at once."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from store.problems.problems import Problems
from store.problems.sources import huggingface, jsonl, parquet, reasoning_gym
from store.problems.sources.rows import OnSkipped
from store.records import ImportReport, Problem
from store.settings import ProblemSourceSettings

log = logging.getLogger(__name__)

SOURCES: Mapping[str, Callable[[Any, OnSkipped], Iterator[Problem]]] = {
    "reasoning_gym": reasoning_gym.generate,
    "jsonl": jsonl.read_jsonl,
    "parquet": parquet.read_parquet,
    "huggingface": huggingface.load,
}


def _log_skipped(row: str) -> None:
    log.warning("skipped: %s", row)


def read_problems(source: ProblemSourceSettings, on_skipped: OnSkipped = _log_skipped) -> Iterator[Problem]:
    """Streams the problems of one source; `on_skipped` is told of each bad row that the settings let pass.

    Raises:
        ProblemSourceError: it cannot be read, or has bad rows that were not to be skipped.
    """
    return SOURCES[source.kind](source, on_skipped)


def import_problems(problems: Problems, sources: Sequence[ProblemSourceSettings], name: str = "") -> ImportReport:
    """Adds what is new of all sources, or nothing if one of them is bad.

    The store takes held-out problems first: one that stands in a test set and in a training set is held out.

    Raises:
        ProblemSourceError: a source cannot be read, or has bad rows that were not to be skipped.
        InvalidProblemError: two problems share an id.
    """
    skipped: list[str] = []
    read = chain.from_iterable(read_problems(source, skipped.append) for source in sources)
    return replace(problems.import_new(read, name), skipped=tuple(skipped))
