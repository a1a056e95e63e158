"""The kinds of problem sources, and importing from several at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from store.records import Problem, Split
from store.settings import ProblemSourceSettings
from store.sources import huggingface, jsonl, reasoning_gym
from store.store import Store

SOURCES: Mapping[str, Callable[[Any], Iterator[Problem]]] = {
    "reasoning_gym": reasoning_gym.generate,
    "jsonl": jsonl.read_jsonl,
    "huggingface": huggingface.load,
}


def read_problems(source: ProblemSourceSettings) -> Iterator[Problem]:
    """Streams the problems of one source. Raises `ProblemSourceError` when it cannot be read or has bad rows."""
    return SOURCES[source.kind](source)


def import_problems(store: Store, sources: Sequence[ProblemSourceSettings]) -> int:
    """Adds what is new of all sources, or nothing if one of them is bad; returns how many were added.

    Sources that are wholly held out come first: a problem that stands in a test set and in a training set is then held
    out, because the first of its key is kept.

    Raises:
        ProblemSourceError: a source cannot be read, or has bad rows.
        InvalidProblemError: two problems share an id.
    """
    ordered = sorted(sources, key=lambda source: source.split is not Split.HELDOUT)
    return store.add_problems(chain.from_iterable(map(read_problems, ordered)))
