"""Training sets: which rollouts of the replay train the next policy, kept as a snapshot."""

import random
from collections.abc import Iterator, Sequence
from itertools import accumulate, batched

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.among import among
from store.bulk import insert_list
from store.candidates import Candidate, find_attempts, find_demonstrations
from store.errors import HeldOutLeakError, NothingToScheduleError, UnknownRecordError
from store.locks import Lock, take
from store.models import PolicyRow, ProblemRow, RolloutRow, TrainingSetRolloutRow, TrainingSetRow, table
from store.problems import BATCH
from store.records import Rollout, Split
from store.replay import to_rollouts
from store.settings import SelectionSettings


def select_training_set(session: Session, policy_version: int, settings: SelectionSettings, now: float) -> int:
    """Chooses by the settings, stores the choice in a shuffled order, and returns the training set's id.

    Raises:
        NothingToScheduleError: nothing can be chosen.
        HeldOutLeakError: a held-out problem came through; nothing is stored.
    """
    take(session.connection(), Lock.TRAINED, shared=True)
    rng = random.Random(settings.seed)  # noqa: S311 - an order, not a secret
    attempts = find_attempts(session, settings, rng) if settings.attempts else []
    demonstrations = find_demonstrations(session) if settings.demonstrations or not settings.attempts else []
    chosen = _compose(demonstrations, attempts, settings, rng)
    if not chosen:
        raise NothingToScheduleError(
            "no rollout can be trained on: none was accepted yet and there are no demonstrations, or none is within "
            "the limits of the selection"
        )
    _check_no_heldout(session, {candidate.problem_id for candidate in chosen})
    rng.shuffle(chosen)
    row = TrainingSetRow(
        policy_version=policy_version, settings=settings.model_dump(mode="json"), size=len(chosen), created_at=now
    )
    session.add(row)
    session.flush()
    seqs = [candidate.seq for candidate in chosen]
    insert_list(session, table(TrainingSetRolloutRow), row.id, seqs)
    return row.id


def training_set_size(session: Session, training_set_id: int) -> int:
    """Raises `UnknownRecordError` where there is none."""
    row = session.get(TrainingSetRow, training_set_id)
    if row is None:
        raise UnknownRecordError(f"there is no training set {training_set_id} in the store")
    return row.size


def read_samples(session: Session, training_set_id: int, positions: Sequence[int]) -> Iterator[Rollout]:
    """The rollouts at these positions, in their order."""
    query = (
        select(TrainingSetRolloutRow.position, RolloutRow)
        .join(RolloutRow, RolloutRow.seq == TrainingSetRolloutRow.rollout_seq)
        .where(TrainingSetRolloutRow.training_set_id == training_set_id)
        .where(among(TrainingSetRolloutRow.position, positions))
        .order_by(TrainingSetRolloutRow.position)
    )
    rows = dict(session.execute(query).all())
    distinct = list({row.seq: row for row in rows.values()}.values())
    rollouts = {rollout.id: rollout for rollout in to_rollouts(session, distinct)}
    return (rollouts[row.id] for row in rows.values())


def trained_on(session: Session, policy_version: int) -> list[str]:
    """The ids of the rollouts that a policy was trained on."""
    query = (
        select(RolloutRow.id)
        .join(TrainingSetRolloutRow, TrainingSetRolloutRow.rollout_seq == RolloutRow.seq)
        .join(PolicyRow, PolicyRow.training_set_id == TrainingSetRolloutRow.training_set_id)
        .where(PolicyRow.version == policy_version)
        .distinct()
        .order_by(RolloutRow.id)
    )
    return list(session.scalars(query))


def policies_trained_on(session: Session, rollout_id: str) -> list[int]:
    """The versions of the policies that learned from a rollout."""
    query = (
        select(PolicyRow.version)
        .join(TrainingSetRolloutRow, TrainingSetRolloutRow.training_set_id == PolicyRow.training_set_id)
        .join(RolloutRow, RolloutRow.seq == TrainingSetRolloutRow.rollout_seq)
        .where(RolloutRow.id == rollout_id)
        .distinct()
        .order_by(PolicyRow.version)
    )
    return list(session.scalars(query))


def _compose(
    demonstrations: list[Candidate], attempts: list[Candidate], settings: SelectionSettings, rng: random.Random
) -> list[Candidate]:
    """As many of both as the limits and the share of demonstrations allow."""
    attempts = attempts[: settings.max_samples]
    budget = settings.max_tokens
    if budget is None:
        return _weigh(demonstrations, len(attempts), settings, rng) + attempts
    if settings.demonstration_share is not None:
        attempts = _within(attempts, round(budget * (1 - settings.demonstration_share)))
    weighed = _weigh(demonstrations, len(attempts), settings, rng)
    if settings.demonstration_share is None:
        weighed = _within(weighed, budget)
        return weighed + _within(attempts, budget - _tokens(weighed))
    return _within(weighed, budget - _tokens(attempts)) + attempts


def _within(candidates: list[Candidate], max_tokens: int) -> list[Candidate]:
    """The first so many that do not exceed the budget together."""
    totals = accumulate(candidate.tokens for candidate in candidates)
    return [candidate for candidate, total in zip(candidates, totals, strict=True) if total <= max_tokens]


def _tokens(candidates: list[Candidate]) -> int:
    return sum(candidate.tokens for candidate in candidates)


def _weigh(
    demonstrations: list[Candidate], attempts: int, settings: SelectionSettings, rng: random.Random
) -> list[Candidate]:
    """The demonstrations as often as their weight asks for."""
    if settings.demonstration_share is None or attempts == 0 or not demonstrations:
        return demonstrations * settings.demonstration_repeat
    share = settings.demonstration_share
    wanted = max(1, round(attempts * share / (1 - share)))
    whole, rest = divmod(wanted, len(demonstrations))
    return demonstrations * whole + rng.sample(demonstrations, rest)


def _check_no_heldout(session: Session, problem_ids: set[str]) -> None:
    """Once more, and on its own: whatever a query lets through, no held-out problem is trained on."""
    for batch in batched(sorted(problem_ids), BATCH):
        query = select(func.min(ProblemRow.id)).where(among(ProblemRow.id, batch), ProblemRow.split != Split.TRAIN)
        leaked = session.scalar(query)
        if leaked is not None:
            raise HeldOutLeakError(f"problem {leaked!r} is held out and was chosen for training: nothing was stored")
