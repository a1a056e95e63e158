"""Pairs: an accepted and a rejected attempt at the same problem, for trainers that learn to prefer the first.

The k-th distinct accepted attempt at a problem goes with the k-th distinct rejected one, in the order in which they
were written. So no attempt is in two pairs, and the same export has the same pairs. Attempts without a verdict are in
none: they may be right.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import ProblemRow, RolloutRow
from store.export.settings import ExportSettings, Messages
from store.problems.queries import find_problems
from store.records import Outcome, Pool, Problem, Rollout, Split
from store.rollouts.reading import load_rollouts

type _Seqs = tuple[int, int]
"""The numbers of an accepted and of a rejected attempt."""


def count_pairs(session: Session, settings: ExportSettings, split: Split, until: int) -> int:
    """The number of pairs of a split that will be exported."""
    chosen, rejected = (func.sum(case((RolloutRow.pool == pool, 1), else_=0)) for pool in (Pool.SOLUTION, Pool.MISTAKE))
    counts = select(chosen.label("chosen"), rejected.label("rejected")).select_from(RolloutRow)
    counts = counts.join(ProblemRow, ProblemRow.id == RolloutRow.problem_id)
    counts = counts.where(ProblemRow.split == split, ProblemRow.mistakes > 0, *_usable(settings, until))
    both = counts.group_by(RolloutRow.problem_id).subquery()
    fewer = case((both.c.chosen < both.c.rejected, both.c.chosen), else_=both.c.rejected)
    limited = case((fewer < settings.pairs, fewer), else_=settings.pairs)
    return int(session.scalar(select(func.sum(limited))) or 0)


def read_pairs(
    session: Session, settings: ExportSettings, split: Split, after: int, until: int, messages: Messages, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """(the pairs of some problems, the number of the last one's first accepted attempt), in the order of these."""
    page = session.execute(_page(split, after, until).limit(max(1, limit // settings.pairs))).all()
    if not page:
        return [], after
    pairs = _match(session, settings, [problem_id for _, problem_id in page], until)
    problems = {problem.id: problem for problem in find_problems(session, ProblemRow.id, set(pairs))}
    rollouts = _load(session, [seq for found in pairs.values() for pair in found for seq in pair])
    rows = [
        _row(problems[problem_id], rollouts[chosen], rollouts[rejected], messages)
        for problem_id, found in pairs.items()
        for chosen, rejected in found
        if rollouts[chosen].solution_format == rollouts[rejected].solution_format  # else they have different prompts
    ]
    return rows, page[-1][0]


def _page(split: Split, after: int, until: int) -> Select[int, str]:
    """Problems with attempts of both kinds, by their first accepted one, which each has once."""
    query = select(RolloutRow.seq, RolloutRow.problem_id).join(ProblemRow, ProblemRow.id == RolloutRow.problem_id)
    query = query.where(ProblemRow.split == split, ProblemRow.mistakes > 0)
    query = query.where(RolloutRow.pool == Pool.SOLUTION, RolloutRow.place == 1)
    return query.where(RolloutRow.seq > after, RolloutRow.seq <= until).order_by(RolloutRow.seq)


def _usable(settings: ExportSettings, until: int) -> list[ColumnElement[bool]]:
    accepted, rejected = RolloutRow.pool == Pool.SOLUTION, RolloutRow.pool == Pool.MISTAKE
    if settings.supports:
        accepted = and_(accepted, RolloutRow.support.in_(settings.supports))
    outcomes = [outcome for outcome in settings.outcomes if outcome is not Outcome.ACCEPTED]
    if outcomes:
        rejected = and_(rejected, RolloutRow.outcome.in_(outcomes))
    conditions = [or_(accepted, rejected), RolloutRow.place.is_not(None), RolloutRow.seq <= until]
    if settings.policy_versions:
        conditions.append(RolloutRow.policy_version.in_(settings.policy_versions))
    if settings.iterations:
        conditions.append(RolloutRow.iteration.in_(settings.iterations))
    return conditions


def _match(
    session: Session, settings: ExportSettings, problem_ids: Sequence[str], until: int
) -> dict[str, list[_Seqs]]:
    """The pairs by problem, for those problems that have any, in the order of `problem_ids`."""
    query = select(RolloutRow.problem_id, RolloutRow.pool, RolloutRow.seq)
    query = query.where(in_array(RolloutRow.problem_id, problem_ids), *_usable(settings, until))
    attempts: dict[tuple[str, Pool | None], list[int]] = defaultdict(list)
    for problem_id, pool, seq in session.execute(query.order_by(RolloutRow.place)):
        attempts[problem_id, pool].append(seq)
    pairs: dict[str, list[_Seqs]] = {}
    for problem_id in problem_ids:
        chosen, rejected = (attempts[problem_id, pool][: settings.pairs] for pool in (Pool.SOLUTION, Pool.MISTAKE))
        if chosen and rejected:
            pairs[problem_id] = list(zip(chosen, rejected, strict=False))
    return pairs


def _load(session: Session, seqs: Sequence[int]) -> dict[int, Rollout]:
    rows = session.scalars(select(RolloutRow).where(in_array(RolloutRow.seq, seqs))).all()
    return {row.seq: rollout for row, rollout in zip(rows, load_rollouts(session, rows), strict=True)}


def _row(problem: Problem, chosen: Rollout, rejected: Rollout, messages: Messages) -> dict[str, Any]:
    prompt, accepted = _split(messages(problem, chosen))
    _, other = _split(messages(problem, rejected))
    return {
        "prompt": prompt,
        "chosen": accepted,
        "rejected": other,
        "chosen_message": accepted[0],
        "rejected_message": other[0],
        "problem_id": problem.id,
        "source": problem.source,
        "chosen_id": chosen.id,
        "rejected_id": rejected.id,
        "rejected_outcome": rejected.outcome.value,
    }


def _split(conversation: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(the messages before the assistant's first, the others)."""
    first = next(i for i, message in enumerate(conversation) if message["role"] == "assistant")
    return conversation[:first], conversation[first:]
