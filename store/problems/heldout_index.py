"""The index of held-out questions, by which an import finds the held-out problem that is most similar to a new one."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import NamedTuple

from sqlalchemy import ColumnElement, exists, func, insert, or_, select, true
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import HeldOutBandRow, HeldOutTemplateRow, ProblemRow, table
from store.problems.exclusions import GENERATED, Nearest, is_generated, trains_twins
from store.problems.similarity import (
    NEAR,
    TWIN,
    Shingles,
    bands,
    digest,
    shingles,
    similarity,
    template_bands,
    template_shingles,
)
from store.records import ExclusionKind, Problem, Split


class Bands(NamedTuple):
    """The bands of a question and of its template. The latter are empty if it is not compared by its template."""

    question: list[int]
    template: list[int]


class Measured(NamedTuple):
    """A problem and the bands of its question."""

    problem: Problem
    bands: Bands


def measure(problem: Problem) -> Bands:
    """The bands of a problem (see `store.problems.similarity`)."""
    template = frozenset() if trains_twins(problem) else template_shingles(problem.question)
    return Bands(bands(shingles(problem.question)), template_bands(template))


def index_new(session: Session, by_id: Mapping[str, Bands]) -> None:
    """Index held-out problems by their bands."""
    _insert(session, HeldOutBandRow, ((band, one) for one, found in by_id.items() for band in set(found.question)))
    _insert_templates(session, {problem_id: found.template for problem_id, found in by_id.items()})


def index_missing(session: Session) -> None:
    """Index the held-out problems that are not: those that were not held out before, and those of an older store."""
    for batch in batched(_not_indexed(session, HeldOutBandRow, true()), BATCH):
        rows = ((band, problem_id) for problem_id, question in batch for band in set(bands(shingles(question))))
        _insert(session, HeldOutBandRow, rows)
    compared = ~ProblemRow.source.startswith(GENERATED)
    compared &= or_(ProblemRow.template_twins.is_(None), ProblemRow.template_twins != "train")
    for batch in batched(_not_indexed(session, HeldOutTemplateRow, compared), BATCH):
        templates = {problem_id: template_shingles(question) for problem_id, question in batch}
        _insert_templates(
            session, {problem_id: bands(found) if found else [] for problem_id, found in templates.items()}
        )


def nearest_heldout(session: Session, new: Sequence[Measured]) -> dict[str, Nearest]:
    """The held-out problem by split key, for those problems that are near-duplicates or template twins of one."""
    nearest = _nearest(session, _WORDING, {key: (one, found.question) for key, one, found in _keyed(new)})
    others = {key: (one, found.template) for key, one, found in _keyed(new) if key not in nearest and found.template}
    return nearest | _nearest(session, _TEMPLATE, others)


@dataclass(frozen=True, slots=True)
class _Measure:
    """A way to compare two questions, and the index for it."""

    kind: ExclusionKind
    index: type[HeldOutBandRow] | type[HeldOutTemplateRow]
    shingles: Callable[[str], Shingles]
    threshold: float


_WORDING = _Measure(ExclusionKind.NEAR_DUPLICATE, HeldOutBandRow, shingles, NEAR)
_TEMPLATE = _Measure(ExclusionKind.TEMPLATE_TWIN, HeldOutTemplateRow, template_shingles, TWIN)


@dataclass(frozen=True, slots=True)
class _HeldOut:
    """A held-out problem to compare new ones with."""

    id: str
    source: str
    shingles: Shingles


def _keyed(new: Sequence[Measured]) -> Iterator[tuple[str, Problem, Bands]]:
    return ((problem.split_key, problem, found) for problem, found in new)


def _nearest(session: Session, measure: _Measure, new: Mapping[str, tuple[Problem, list[int]]]) -> dict[str, Nearest]:
    if not session.scalar(select(func.count()).select_from(select(measure.index.band).limit(1).subquery())):
        return {}
    by_band: dict[int, set[str]] = defaultdict(set)
    for key, (_, question_bands) in new.items():
        for band in question_bands:
            by_band[band].add(key)
    own: dict[str, Shingles] = {}
    compared: set[tuple[str, str]] = set()
    nearest: dict[str, Nearest] = {}
    for band, heldout in _candidates(session, measure, list(by_band)):
        for key in by_band[band]:
            problem = new[key][0]
            pair = (key, heldout.id)
            if pair in compared or (is_generated(problem.source) and is_generated(heldout.source)):
                continue
            compared.add(pair)
            if key not in own:
                own[key] = measure.shingles(problem.question)
            found = similarity(own[key], heldout.shingles)
            if found >= max(measure.threshold, nearest[key].similarity if key in nearest else 0.0):
                nearest[key] = Nearest(heldout.id, found, measure.kind)
    return nearest


def _candidates(session: Session, measure: _Measure, wanted: Sequence[int]) -> Iterator[tuple[int, _HeldOut]]:
    """Yield (band, held-out problem) for all held-out problems in these bands."""
    query = select(measure.index.band, measure.index.problem_id)
    found = [
        (band, problem_id)
        for batch in batched(wanted, BATCH)
        for band, problem_id in session.execute(query.where(in_array(measure.index.band, batch)))
    ]
    loaded = _load(session, measure, {problem_id for _, problem_id in found})
    return ((band, loaded[problem_id]) for band, problem_id in found)


def _load(session: Session, measure: _Measure, ids: Collection[str]) -> dict[str, _HeldOut]:
    """The held-out problems by id. Apart from their bands, of which they share several with the new problems."""
    query = select(ProblemRow.id, ProblemRow.source, ProblemRow.question)
    return {
        problem_id: _HeldOut(problem_id, source, measure.shingles(question))
        for batch in batched(ids, BATCH)
        for problem_id, source, question in session.execute(query.where(in_array(ProblemRow.id, batch)))
    }


def _not_indexed(
    session: Session, index: type[HeldOutBandRow] | type[HeldOutTemplateRow], wanted: ColumnElement[bool]
) -> list[tuple[str, str]]:
    """(id, question) of the held-out problems without a row in the index."""
    query = select(ProblemRow.id, ProblemRow.question).where(ProblemRow.split == Split.HELDOUT, wanted)
    query = query.where(~exists().where(index.problem_id == ProblemRow.id))
    return [(problem_id, question) for problem_id, question in session.execute(query)]


def _insert_templates(session: Session, by_id: Mapping[str, Sequence[int]]) -> None:
    """Insert the bands of templates that are new, and a digest for each problem (see `HeldOutTemplateRow`)."""
    digests = {problem_id: digest(found) for problem_id, found in by_id.items()}
    query = select(HeldOutTemplateRow.band).where(in_array(HeldOutTemplateRow.band, set(digests.values())))
    known = set(session.scalars(query))
    rows: list[tuple[int, str]] = []
    for problem_id, found in by_id.items():
        rows.append((digests[problem_id], problem_id))
        if digests[problem_id] not in known:
            known.add(digests[problem_id])
            rows += ((band, problem_id) for band in set(found))
    _insert(session, HeldOutTemplateRow, rows)


def _insert(
    session: Session,
    index: type[HeldOutBandRow] | type[HeldOutTemplateRow],
    rows: Collection[tuple[int, str]] | Iterator[tuple[int, str]],
) -> None:
    values = [{"band": band, "problem_id": problem_id} for band, problem_id in rows]
    if values:
        session.execute(insert(table(index)), values)
