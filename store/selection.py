"""Training sets: which rollouts of the replay train the next policy, kept as a snapshot."""

import random
from collections.abc import Iterator, Sequence
from itertools import batched

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, or_, select
from sqlalchemy.orm import Session

from store.errors import HeldOutLeakError, NothingToScheduleError, UnknownRecordError
from store.models import PolicyRow, ProblemRow, RolloutRow, TrainingSetRolloutRow, TrainingSetRow, table
from store.problems import BATCH
from store.records import Outcome, Purpose, Rollout, Split
from store.replay import to_rollouts
from store.settings import SelectionSettings

_IS_DEMONSTRATION = RolloutRow.purpose == Purpose.DEMONSTRATION


def select_training_set(session: Session, policy_version: int, settings: SelectionSettings, now: float) -> int:
    """Chooses by the settings, stores the choice in a shuffled order, and returns the training set's id.

    Raises:
        NothingToScheduleError: nothing can be chosen.
        HeldOutLeakError: a held-out problem came through; nothing is stored.
    """
    rng = random.Random(settings.seed)  # noqa: S311 - an order, not a secret
    demonstrations, attempts = _candidates(session, settings)
    if settings.prefer == "random":
        rng.shuffle(attempts)
    attempts = attempts[: settings.max_samples]
    chosen = _weigh(demonstrations, len(attempts), settings, rng) + attempts
    if not chosen:
        raise NothingToScheduleError(
            "no rollout can be trained on: none was accepted yet and there are no demonstrations"
        )
    rng.shuffle(chosen)
    row = TrainingSetRow(
        policy_version=policy_version, settings=settings.model_dump(mode="json"), size=len(chosen), created_at=now
    )
    session.add(row)
    session.flush()
    _store(session, row.id, chosen)
    _check_no_heldout(session, row.id)
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
        .where(TrainingSetRolloutRow.position.in_(positions))
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


def _candidates(session: Session, settings: SelectionSettings) -> tuple[list[int], list[int]]:
    """(demonstrations, attempts) by their `seq`; the attempts in the order of preference."""
    distinct = _distinct(_eligible(session, settings)).subquery()
    preference = _preference(settings, distinct.c.seq)
    rank = func.row_number().over(partition_by=(distinct.c.problem_id, distinct.c.demonstration), order_by=preference)
    ranked = select(distinct.c.seq, distinct.c.demonstration, rank.label("rank")).subquery()
    query = select(ranked.c.seq, ranked.c.demonstration).order_by(ranked.c.seq.desc())
    if settings.max_per_problem is not None:
        query = query.where(or_(ranked.c.demonstration == 1, ranked.c.rank <= settings.max_per_problem))
    rows = session.execute(query).all()
    return [seq for seq, demo in rows if demo], [seq for seq, demo in rows if not demo]


def _eligible(session: Session, settings: SelectionSettings) -> ColumnElement[bool]:
    attempt = RolloutRow.purpose == Purpose.TRAIN
    if settings.accepted_only:
        attempt = and_(attempt, RolloutRow.outcome == Outcome.ACCEPTED)
    else:
        attempt = and_(attempt, RolloutRow.outcome != Outcome.FAULT)
    if settings.iterations is not None:
        last = session.scalar(select(func.max(RolloutRow.iteration))) or 0
        attempt = and_(attempt, RolloutRow.iteration > last - settings.iterations)
    if settings.demonstrations:
        attempt = or_(attempt, and_(_IS_DEMONSTRATION, RolloutRow.outcome == Outcome.ACCEPTED))
    if not settings.attempts:
        attempt = and_(_IS_DEMONSTRATION, RolloutRow.outcome == Outcome.ACCEPTED)
    return and_(attempt, ProblemRow.split == Split.TRAIN)


def _distinct(eligible: ColumnElement[bool]) -> Select[int, str, int]:
    """One of each solution to each problem: a demonstration before an attempt, then the newest."""
    demonstration = case((_IS_DEMONSTRATION, 1), else_=0).label("demonstration")
    copy = func.row_number().over(
        partition_by=(RolloutRow.problem_id, RolloutRow.dedup_key),
        order_by=(demonstration.desc(), RolloutRow.seq.desc()),
    )
    numbered = (
        select(RolloutRow.seq, RolloutRow.problem_id, demonstration, copy.label("copy"))
        .join(ProblemRow, ProblemRow.id == RolloutRow.problem_id)
        .where(eligible)
        .subquery()
    )
    return select(numbered.c.seq, numbered.c.problem_id, numbered.c.demonstration).where(numbered.c.copy == 1)


def _preference(settings: SelectionSettings, seq: ColumnElement[int]) -> ColumnElement[int]:
    if settings.prefer == "newest":
        return seq.desc()
    # Knuth's multiplicative hash: scatters consecutive numbers, and both databases compute it alike.
    return ((seq + settings.seed % 1_000_003) * 2_654_435_761) % 4_294_967_296


def _weigh(demonstrations: list[int], attempts: int, settings: SelectionSettings, rng: random.Random) -> list[int]:
    """The demonstrations as often as their weight asks for."""
    if settings.demonstration_share is None or attempts == 0 or not demonstrations:
        return demonstrations * settings.demonstration_repeat
    share = settings.demonstration_share
    wanted = max(1, round(attempts * share / (1 - share)))
    whole, rest = divmod(wanted, len(demonstrations))
    return demonstrations * whole + rng.sample(demonstrations, rest)


def _store(session: Session, training_set_id: int, chosen: Sequence[int]) -> None:
    for batch in batched(enumerate(chosen), BATCH):
        rows = [{"training_set_id": training_set_id, "position": i, "rollout_seq": seq} for i, seq in batch]
        session.execute(insert(table(TrainingSetRolloutRow)), rows)


def _check_no_heldout(session: Session, training_set_id: int) -> None:
    query = (
        select(func.min(ProblemRow.id))
        .join(RolloutRow, RolloutRow.problem_id == ProblemRow.id)
        .join(TrainingSetRolloutRow, TrainingSetRolloutRow.rollout_seq == RolloutRow.seq)
        .where(TrainingSetRolloutRow.training_set_id == training_set_id)
        .where(or_(ProblemRow.split != Split.TRAIN, RolloutRow.purpose == Purpose.EVAL))
    )
    leaked = session.scalar(query)
    if leaked is not None:
        raise HeldOutLeakError(f"problem {leaked!r} is held out and was chosen for training: nothing was stored")
