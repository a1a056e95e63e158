"""The candidates of a training set: a limited number per problem, looked up by their places.

A rule maps the k-th candidate of a problem to a place in its pool, which an index finds directly. So the time of a
selection grows with what is selected and not with what is stored.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import batched
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import CTE, BigInteger, ColumnElement, Integer, Select, and_, cast, func, literal, or_, select, text
from sqlalchemy.orm import Session, aliased

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.tables import PolicyRow, ProblemRow, RolloutRow, ValueScoreRow
from store.problems.queries import shuffled
from store.records import Pool, Split, Support
from store.settings import OVERSAMPLING, SelectionSettings, SupportFilter


class Candidate(NamedTuple):
    """A rollout that can be selected, by its `seq`.

    `tokens` includes the prompt; `hard` is True for hard problems; `score` is that of the value model which chooses.
    """

    seq: int
    problem_id: str
    tokens: int
    hard: bool
    score: float | None = None


class Slots(NamedTuple):
    """For each problem, the k-th candidate (from 0) among the places `first` to `last` of its pool."""

    k: ColumnElement[int]
    first: ColumnElement[int]
    last: ColumnElement[int]
    seed: int


RULES: Mapping[str, Callable[[Slots], ColumnElement[int]]] = {
    "newest": lambda slots: slots.last - slots.k,
    "value": lambda slots: slots.last - slots.k,
    "oldest": lambda slots: slots.first + slots.k,
    "random": lambda slots: (
        slots.first + (shuffled(slots.seed) + cast(slots.k, BigInteger) * _STRIDE) % (slots.last - slots.first + 1)
    ),
}
"""The place of the k-th candidate. It differs for each k, since k stays below the number of places."""

# A prime above any number of places, so that its multiples visit every place before they repeat one.
_STRIDE = 1_000_000_007

_SIZES = {Pool.SOLUTION: ProblemRow.solutions, Pool.MISTAKE: ProblemRow.mistakes}


def find_attempts(session: Session, settings: SelectionSettings, rng: random.Random) -> list[Candidate]:
    """The attempts that the settings allow for each problem, in the order of preference."""
    looked_up = _look_up(session, settings)
    found = [one for pool, candidates in looked_up.items() for one in _preferred(candidates, pool, settings, rng)]
    _order(found, "newest" if settings.prefer == "value" else settings.prefer, rng)
    return found if settings.hard_share is None else _interleave_hard(found, settings.hard_share)


def find_contenders(session: Session, settings: SelectionSettings) -> list[Candidate]:
    """The attempts among which a value model is to choose: those of problems that have more than can be selected."""
    contenders: list[Candidate] = []
    for candidates in _look_up(session, settings).values():
        counts = Counter(candidate.problem_id for candidate in candidates)
        wanted = settings.max_per_problem or len(candidates)
        contenders += [candidate for candidate in candidates if counts[candidate.problem_id] > wanted]
    return contenders


def _look_up(session: Session, settings: SelectionSettings) -> dict[Pool, list[Candidate]]:
    pools = [Pool.SOLUTION] if settings.accepted_only else [Pool.SOLUTION, Pool.MISTAKE]
    with lookup_plan(session):
        rows = {pool: session.execute(attempts_query(session, pool, settings)).all() for pool in pools}
    found = {pool: [Candidate(*row) for row in rows[pool]] for pool in pools}
    if settings.prefer != "value":
        return found
    return {pool: _with_scores(session, candidates, settings.value_model) for pool, candidates in found.items()}


def _with_scores(session: Session, candidates: list[Candidate], version: int | None) -> list[Candidate]:
    scores: dict[int, float] = {}
    for batch in batched((candidate.seq for candidate in candidates), BATCH):
        query = select(ValueScoreRow.rollout_seq, ValueScoreRow.score)
        own = ValueScoreRow.value_version == version, in_array(ValueScoreRow.rollout_seq, batch)
        scores.update((seq, score) for seq, score in session.execute(query.where(*own)))
    return [candidate._replace(score=scores.get(candidate.seq)) for candidate in candidates]


def _preferred(
    candidates: list[Candidate], pool: Pool, settings: SelectionSettings, rng: random.Random
) -> list[Candidate]:
    """The candidates of a pool. If more places were looked up than are wanted, the preferred ones of each problem."""
    if settings.max_per_problem is None or not _is_oversampled(pool, settings):
        return candidates
    _order(candidates, settings.prefer, rng)
    taken: Counter[str] = Counter()
    preferred = []
    for candidate in candidates:
        taken[candidate.problem_id] += 1
        if taken[candidate.problem_id] <= settings.max_per_problem:
            preferred.append(candidate)
    return preferred


def _order(candidates: list[Candidate], prefer: str, rng: random.Random) -> None:
    """Sort by preference, in place."""
    if prefer == "value":
        candidates.sort(key=_value, reverse=True)
        return
    candidates.sort(key=itemgetter(0), reverse=prefer == "newest")
    if prefer == "random":
        rng.shuffle(candidates)


def _value(candidate: Candidate) -> tuple[float, int]:
    """The score, and of the same scores the newest first; those without a score are last."""
    return (-math.inf if candidate.score is None else candidate.score), candidate.seq


def _is_oversampled(pool: Pool, settings: SelectionSettings) -> bool:
    """Whether more places are looked up than are wanted."""
    return settings.prefer == "value" or _is_filtered(pool, settings)


def _is_filtered(pool: Pool, settings: SelectionSettings) -> bool:
    """Whether candidates of the pool are filtered by support."""
    return pool is Pool.SOLUTION and settings.support != "any"


def find_demonstrations(session: Session) -> list[Candidate]:
    """All demonstrations of training problems, newest first."""
    query = (
        select(RolloutRow.seq, RolloutRow.problem_id, RolloutRow.prompt_tokens + RolloutRow.tokens)
        .join(ProblemRow, ProblemRow.id == RolloutRow.problem_id)
        .where(ProblemRow.split == Split.TRAIN, ProblemRow.demonstrations > 0)
        .where(RolloutRow.pool == Pool.DEMONSTRATION, RolloutRow.place.between(1, ProblemRow.demonstrations))
        .order_by(RolloutRow.seq.desc())
    )
    return [Candidate(*row, hard=False) for row in session.execute(query)]


@contextmanager
def lookup_plan(session: Session) -> Iterator[None]:
    """Make PostgreSQL look up places by problem: its planner misjudges their number and would read all rollouts."""
    if session.get_bind().dialect.name != "postgresql":
        yield
        return
    for setting, value in _LOOKUP_PLAN.items():
        session.execute(text(f"SET LOCAL {setting} = {value}"))
    yield
    for setting in _LOOKUP_PLAN:
        session.execute(text(f"SET LOCAL {setting} TO DEFAULT"))


_LOOKUP_PLAN = {
    "join_collapse_limit": "1",  # join in the order of the query
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "enable_seqscan": "off",
    "enable_memoize": "off",  # it would read a problem's whole pool to cache it for the next place
    "jit": "off",  # costs more than it saves
}


def attempts_query(session: Session, pool: Pool, settings: SelectionSettings) -> Select[int, str, int, bool]:
    """(seq, problem, tokens, hard) of the candidates from one pool, each looked up by its place."""
    wanted = _wanted_places(session, pool, settings)
    tokens = RolloutRow.prompt_tokens + RolloutRow.tokens
    query = select(RolloutRow.seq, RolloutRow.problem_id, tokens, wanted.c.hard).select_from(wanted)
    found = and_(RolloutRow.problem_id == wanted.c.problem_id, RolloutRow.pool == pool)
    query = query.join(RolloutRow, and_(found, RolloutRow.place.between(wanted.c.first, wanted.c.last)))
    query = query.where(*_recency_conditions(session, RolloutRow, settings))
    return query.where(_SUPPORT[settings.support]()) if _is_filtered(pool, settings) else query


_SUPPORT: Mapping[SupportFilter, Callable[[], ColumnElement[bool]]] = {
    "supported": lambda: RolloutRow.support == Support.SUPPORTED,
    "not_unsupported": lambda: or_(RolloutRow.support.is_(None), RolloutRow.support != Support.UNSUPPORTED),
}
"""The condition on a solution."""


def _wanted_places(session: Session, pool: Pool, settings: SelectionSettings) -> CTE:
    """(problem_id, hard, first, last): the places to look up, one per row if there is a limit per problem.

    It is materialized, or PostgreSQL would look up the problem and read its whole pool for each place.
    """
    first, last = _first_place(session, pool, settings), _SIZES[pool]
    hard = and_(ProblemRow.judged > 0, ProblemRow.accepted <= ProblemRow.judged * settings.hard_pass_rate)
    query = select(ProblemRow.id.label("problem_id"), hard.label("hard"))
    query = query.where(ProblemRow.split == Split.TRAIN, last > 0)
    if settings.max_per_problem is None:
        query = query.add_columns(first.label("first"), last.label("last"))
    else:
        oversampling = OVERSAMPLING if _is_oversampled(pool, settings) else 1
        numbers = _numbers(settings.max_per_problem * oversampling)
        rule = RULES[settings.prefer](Slots(numbers.c.k, first, last.expression, settings.seed))
        place = cast(rule, Integer)
        query = query.join(numbers, numbers.c.k <= last - first)
        query = query.add_columns(place.label("first"), place.label("last"))
    return query.cte("wanted").prefix_with("MATERIALIZED", dialect="postgresql")


def _numbers(count: int) -> Any:
    """A table of the numbers 0 to count - 1."""
    numbers = select(literal(0).label("k")).cte("numbers", recursive=True)
    return numbers.union_all(select(numbers.c.k + 1).where(numbers.c.k + 1 < count))


def _first_place(session: Session, pool: Pool, settings: SelectionSettings) -> ColumnElement[int]:
    """The lowest place of a rollout that is recent enough; places are assigned in the order of writing.

    With `prefer` "newest" or "value" the search is not needed: the conditions of the query drop those that are too old.
    """
    earlier = aliased(RolloutRow)
    recent = _recency_conditions(session, earlier, settings)
    if not recent or settings.prefer in ("newest", "value"):
        return literal(1)
    in_pool = and_(earlier.problem_id == ProblemRow.id, earlier.pool == pool, earlier.place.is_not(None))
    oldest = select(earlier.place).where(in_pool, *recent).order_by(earlier.place).limit(1).correlate(ProblemRow)
    return func.coalesce(oldest.scalar_subquery(), _SIZES[pool] + 1)


def _recency_conditions(session: Session, rollout: Any, settings: SelectionSettings) -> list[ColumnElement[bool]]:
    conditions = []
    if settings.iterations is not None:
        last = session.scalar(select(func.max(RolloutRow.iteration))) or 0
        conditions.append(rollout.iteration > last - settings.iterations)
    if settings.policy_versions is not None:
        newest = session.scalar(select(func.max(PolicyRow.version))) or 0
        conditions.append(rollout.policy_version > newest - settings.policy_versions)
    if settings.max_policy_lag is not None:
        versions = select(PolicyRow.version).order_by(PolicyRow.version.desc()).limit(settings.max_policy_lag + 1)
        conditions.append(rollout.first_policy_version >= min(session.scalars(versions), default=0))
    return conditions


def _interleave_hard(candidates: list[Candidate], share: float) -> list[Candidate]:
    """The same order within hard and other candidates, but every prefix has that share of hard ones, if available."""
    hard = iter([candidate for candidate in candidates if candidate.hard])
    other = iter([candidate for candidate in candidates if not candidate.hard])
    mixed: list[Candidate] = []
    hard_taken = 0
    while True:
        wants_hard = hard_taken < share * (len(mixed) + 1)
        following = next(hard if wants_hard else other, None)
        if following is None:
            return [*mixed, *hard, *other]
        hard_taken += wants_hard
        mixed.append(following)
