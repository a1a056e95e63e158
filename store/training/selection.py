"""Selection of the rollouts that train the next policy, stored as a snapshot."""

import random
from itertools import accumulate, batched

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.bulk import BATCH, insert_list
from store.database.locks import AdvisoryLock, acquire
from store.database.tables import ProblemRow, TrainingSetRolloutRow, TrainingSetRow, table
from store.errors import HeldOutLeakError, NothingToScheduleError
from store.records import Split
from store.settings import SelectionSettings
from store.training.candidates import Candidate, find_attempts, find_demonstrations
from store.training.lag import tokens_by_lag


def select_training_set(
    session: Session, policy_version: int, settings: SelectionSettings, now: float, iteration: int | None = None
) -> int:
    """Select rollouts by the settings, store them in shuffled order, and return the training set's id.

    `iteration` is the one that the policy closes, 0 for the warm start.

    Raises:
        NothingToScheduleError: there is nothing to select.
        HeldOutLeakError: the selection contains a held-out problem; nothing is stored.
    """
    acquire(session.connection(), AdvisoryLock.TRAINING_SETS, shared=True)
    rng = random.Random(settings.seed)  # noqa: S311 - an order, not a secret
    attempts = find_attempts(session, settings, rng) if settings.attempts else []
    demonstrations = find_demonstrations(session) if settings.demonstrations or not settings.attempts else []
    selected = _combine(demonstrations, attempts, settings, rng)
    if not selected:
        raise NothingToScheduleError(
            "no rollout can be trained on: none was accepted yet and there are no demonstrations, or none is within "
            "the limits of the selection"
        )
    _check_no_heldout(session, {candidate.problem_id for candidate in selected})
    rng.shuffle(selected)
    row = TrainingSetRow(
        policy_version=policy_version,
        iteration=iteration,
        settings=settings.model_dump(mode="json"),
        size=len(selected),
        created_at=now,
    )
    session.add(row)
    session.flush()
    seqs = [candidate.seq for candidate in selected]
    insert_list(session, table(TrainingSetRolloutRow), row.id, seqs)
    row.lag_tokens = tokens_by_lag(session, row.id)
    return row.id


def _combine(
    demonstrations: list[Candidate], attempts: list[Candidate], settings: SelectionSettings, rng: random.Random
) -> list[Candidate]:
    """Demonstrations and attempts, as many of both as the limits and the share of demonstrations allow."""
    attempts = attempts[: settings.max_samples]
    budget = settings.max_tokens
    if budget is None:
        return _repeat(demonstrations, len(attempts), settings, rng) + attempts
    if settings.demonstration_share is not None:
        attempts = _truncate(attempts, round(budget * (1 - settings.demonstration_share)))
    repeated = _repeat(demonstrations, len(attempts), settings, rng)
    if settings.demonstration_share is None:
        repeated = _truncate(repeated, budget)
        return repeated + _truncate(attempts, budget - _tokens(repeated))
    return _truncate(repeated, budget - _tokens(attempts)) + attempts


def _truncate(candidates: list[Candidate], max_tokens: int) -> list[Candidate]:
    """The longest prefix within a token budget."""
    totals = accumulate(candidate.tokens for candidate in candidates)
    return [candidate for candidate, total in zip(candidates, totals, strict=True) if total <= max_tokens]


def _tokens(candidates: list[Candidate]) -> int:
    return sum(candidate.tokens for candidate in candidates)


def _repeat(
    demonstrations: list[Candidate], attempts: int, settings: SelectionSettings, rng: random.Random
) -> list[Candidate]:
    """The demonstrations, repeated or subsampled to their share of the set if there is one."""
    if settings.demonstration_share is None or attempts == 0 or not demonstrations:
        return demonstrations * settings.demonstration_repeat
    share = settings.demonstration_share
    wanted = max(1, round(attempts * share / (1 - share)))
    whole, rest = divmod(wanted, len(demonstrations))
    return demonstrations * whole + rng.sample(demonstrations, rest)


def _check_no_heldout(session: Session, problem_ids: set[str]) -> None:
    """A second, independent check: even if a query has a bug, no held-out problem is trained on."""
    for batch in batched(sorted(problem_ids), BATCH):
        query = select(func.min(ProblemRow.id)).where(in_array(ProblemRow.id, batch), ProblemRow.split != Split.TRAIN)
        leaked = session.scalar(query)
        if leaked is not None:
            raise HeldOutLeakError(f"problem {leaked!r} is held out and was selected for training: nothing was stored")
