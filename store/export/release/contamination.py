"""Contamination: the questions of a release that held-out questions share, by five measures.

`exact`: the same text. `normalised`: the same but for case, whitespace and the encoding of accents. `ngram`: thirteen
words in a row are the same, ignoring case and punctuation, as GPT-3's authors compared texts (arXiv 2005.14165,
appendix C). `near_duplicate` and `template_twin` are the measures of imports (`store.problems.similarity`). Imports
leave out what all but `ngram` find, unless their settings say otherwise: here they check that it is so.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import batched
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from store.database.tables import ProblemRow
from store.export.release.statistics import read_rows
from store.problems.heldout_index import Measured, nearest_heldout
from store.problems.heldout_index import measure as measure_bands
from store.problems.queries import find_problems, iterate_problems
from store.problems.sources.rows.splitting import question_key
from store.records import Problem, Split

NGRAM = 13
"""Words of a run that must not be common to a training question and a held-out one."""

MEASURES = ("exact", "normalised", "ngram", "near_duplicate", "template_twin")
_LISTED = 1_000  # overlaps
_BATCH = 500
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Overlap:
    """A training question and the held-out one that it overlaps with, by one measure."""

    measure: str
    problem_id: str
    heldout_id: str


@dataclass(slots=True)
class Contamination:
    """The overlaps of `questions` of a release with `heldout` questions.

    `counts` are numbers of questions by measure, `overlaps` the first of them. `short` questions have fewer than 13
    words, so that the n-grams say nothing about them.
    """

    questions: int = 0
    heldout: int = 0
    short: int = 0
    overlapping: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    overlaps: list[Overlap] = field(default_factory=list)

    def add(self, found: Sequence[Overlap]) -> None:
        """Count one question with its overlaps."""
        self.questions += 1
        self.overlapping += bool(found)
        self.counts.update(overlap.measure for overlap in found)
        self.overlaps += found[: _LISTED - len(self.overlaps)]

    def to_json(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "questions": self.questions,
            "heldout": self.heldout,
            "short": self.short,
            "overlapping": self.overlapping,
            "counts": {name: self.counts[name] for name in MEASURES},
            "overlaps": [
                {"measure": one.measure, "problem_id": one.problem_id, "heldout_id": one.heldout_id}
                for one in self.overlaps
            ],
        }


class HeldOutQuestions:
    """The held-out questions, by hash: 16 bytes for each of their n-grams."""

    def __init__(self, heldout: Iterable[Problem]) -> None:
        self.ids: list[str] = []
        self._by_text: dict[int, int] = {}
        self._by_key: dict[str, int] = {}
        grams: list[np.ndarray[Any, Any]] = []
        for number, problem in enumerate(heldout):
            self.ids.append(problem.id)
            self._by_text.setdefault(hash(problem.question.strip()), number)
            self._by_key.setdefault(question_key(problem.question), number)
            found = ngrams(problem.question)
            grams.append(np.array([found, [number] * len(found)], dtype=np.int64))
        together = np.concatenate(grams, axis=1) if grams else np.zeros((2, 0), dtype=np.int64)
        self._grams, self._owners = together[:, np.argsort(together[0])]

    def overlaps(self, problem: Problem, grams: Sequence[int]) -> Iterator[Overlap]:
        """The overlaps of a question: by its text, its normalised text and its n-grams, which are given."""
        found = {
            "exact": self._by_text.get(hash(problem.question.strip())),
            "normalised": self._by_key.get(question_key(problem.question)),
            "ngram": self._by_ngram(grams),
        }
        return (Overlap(name, problem.id, self.ids[one]) for name, one in found.items() if one is not None)

    def _by_ngram(self, grams: Sequence[int]) -> int | None:
        wanted = np.array(grams, dtype=np.int64)
        if not len(wanted) or not len(self._grams):
            return None
        places = np.minimum(np.searchsorted(self._grams, wanted), len(self._grams) - 1)
        hits = places[self._grams[places] == wanted]
        return int(self._owners[hits[0]]) if len(hits) else None


def ngrams(question: str) -> list[int]:
    """Hashes of all runs of 13 words, the same within a process only."""
    words = _WORDS.findall(question.casefold())
    return [hash(" ".join(words[i : i + NGRAM])) for i in range(len(words) - NGRAM + 1)]


def compare(reading: Callable[[], AbstractContextManager[Session]], folder: Path) -> Contamination:
    """Compare the questions of a folder with shards, each once, with all held-out questions of the store."""
    with reading() as session:
        heldout = HeldOutQuestions(iterate_problems(session, Split.HELDOUT, None, None))
    report = Contamination(heldout=len(heldout.ids))
    for ids in batched(_problem_ids(folder), _BATCH):
        with reading() as session:
            problems = list(find_problems(session, ProblemRow.id, ids))
            nearest = nearest_heldout(session, [Measured(problem, measure_bands(problem)) for problem in problems])
        for problem in problems:
            grams = ngrams(problem.question)
            found = list(heldout.overlaps(problem, grams))
            if problem.split_key in nearest:
                close = nearest[problem.split_key]
                found.append(Overlap(close.kind.value, problem.id, close.heldout_id))
            report.add(found)
            report.short += not grams
    return report


def _problem_ids(folder: Path) -> Iterator[str]:
    """The ids of the problems in a folder with shards, each once."""
    seen: set[str] = set()
    for rows in read_rows(folder, ["problem_id"]):
        for row in rows:
            if row["problem_id"] not in seen:
                seen.add(row["problem_id"])
                yield row["problem_id"]
