"""The work that a sampler may lease, and the policy that it should load for it.

A sampler states the policy version that its engine holds. The gate: training work of an iteration is open to policies
that are at least as new as the one that the iteration was opened with, so that a late sampler is never ahead of it or
behind it. An evaluation is open to the evaluated policy alone.
"""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from store.database.tables import AssignmentRow, EvaluationRow, IterationRow, PolicyRow, RunStateRow, SamplerRow
from store.records import Purpose

ACTIVE_S = 30.0
"""A sampler that reported within this time shares the end of an iteration."""

_SHARED_ROWS = 2048  # more free assignments than this need not be divided up


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for work: its name, the policy version that it holds, and the purpose that it is restricted to.

    A caller without a version gets work of any policy: a test, or a tool that samples by other means. One without a
    purpose belongs to the run and leases nothing while the run is paused. `pinned` is the only policy that it loads.
    """

    owner: str
    held: int | None = None
    purpose: Purpose | None = None
    pinned: int | None = None


def may_work(session: Session, caller: Caller) -> bool:
    """Whether the run is to go on; a caller with a purpose of its own does not depend on it."""
    if caller.purpose is not None:
        return True
    desired = session.scalar(select(RunStateRow.desired))
    return desired is None or desired == "running"


def free_work(caller: Caller, purpose: Purpose, now: float) -> Select[int, int]:
    """(id, missing rollouts) of the free assignments for a purpose that the caller may lease, in their order."""
    missing = AssignmentRow.samples - AssignmentRow.done
    query = select(AssignmentRow.id, missing).where(*_is_free(purpose, now))
    if caller.held is not None:
        query = query.where(_is_open_to(caller.held, purpose))
    return query.order_by(AssignmentRow.id)


def fair_share(session: Session, caller: Caller, purpose: Purpose, attempts: int, now: float) -> int:
    """At most `attempts`, less if so few are left that the active samplers must share them."""
    active = select(func.count()).where(SamplerRow.reported_at > now - ACTIVE_S, SamplerRow.name != caller.owner)
    num_samplers = 1 + (session.scalar(active) or 0)
    if num_samplers == 1:
        return attempts
    rows = session.execute(free_work(caller, purpose, now).limit(min(attempts * num_samplers, _SHARED_ROWS))).all()
    left = sum(missing for _, missing in rows)
    return min(attempts, max(1, -(-left // num_samplers)))


def choose_policy(session: Session, caller: Caller, now: float, swap_wait_s: float) -> PolicyRow | None:
    """The policy that the caller should hold; None if there is none.

    The latest one, with two exceptions. While attempts of an evaluation of the held policy are missing, it stays for
    up to `swap_wait_s` seconds after a newer policy was published, and for as long as that one has no work. And where
    the latest policy has no work, an unfinished evaluation of an older one is completed.
    """
    if caller.pinned is not None:
        return session.get(PolicyRow, caller.pinned)
    latest = session.scalar(select(PolicyRow).order_by(PolicyRow.version.desc()).limit(1))
    if latest is None:
        return None
    if caller.held == latest.version and _has_work(session, caller, latest.version, now):
        return latest
    held = _held_for_evaluation(session, caller, now)
    if held is not None and held.version != latest.version:
        is_young = now < latest.created_at + swap_wait_s
        if is_young or not _has_work(session, caller, latest.version, now):
            return held
    if _has_work(session, caller, latest.version, now):
        return latest
    return _oldest_unmeasured(session, now) or latest


def _has_work(session: Session, caller: Caller, version: int, now: float) -> bool:
    if not may_work(session, caller):
        return False
    purposes = (Purpose.EVAL, Purpose.TRAIN) if caller.purpose is None else (caller.purpose,)
    return any(
        session.scalar(select(exists().where(*_is_free(purpose, now), _is_open_to(version, purpose))))
        for purpose in purposes
    )


def _held_for_evaluation(session: Session, caller: Caller, now: float) -> PolicyRow | None:
    """The held policy, if attempts of an evaluation of it are free, or leased by the caller."""
    if caller.held is None:
        return None
    unfinished = and_(AssignmentRow.completed_at.is_(None), AssignmentRow.purpose == Purpose.EVAL)
    own = or_(AssignmentRow.owner == caller.owner, _is_unleased(now))
    wanted = exists().where(unfinished, own, _is_open_to(caller.held, Purpose.EVAL))
    return session.get(PolicyRow, caller.held) if session.scalar(select(wanted)) else None


def _oldest_unmeasured(session: Session, now: float) -> PolicyRow | None:
    query = (
        select(PolicyRow)
        .join(EvaluationRow, EvaluationRow.policy_version == PolicyRow.version)
        .join(AssignmentRow, AssignmentRow.evaluation_id == EvaluationRow.id)
        .where(*_is_free(Purpose.EVAL, now), PolicyRow.pruned_at.is_(None))
    )
    return session.scalar(query.order_by(PolicyRow.version).limit(1))


def _is_free(purpose: Purpose, now: float) -> tuple[ColumnElement[bool], ...]:
    return AssignmentRow.completed_at.is_(None), AssignmentRow.purpose == purpose, _is_unleased(now)


def _is_unleased(now: float) -> ColumnElement[bool]:
    return or_(AssignmentRow.owner.is_(None), AssignmentRow.lease_expires_at <= now)


def _is_open_to(version: int, purpose: Purpose) -> ColumnElement[bool]:
    """Whether the policy of a version may sample an assignment."""
    if purpose is Purpose.EVAL:
        return AssignmentRow.evaluation_id.in_(select(EvaluationRow.id).where(EvaluationRow.policy_version == version))
    return AssignmentRow.iteration.in_(select(IterationRow.number).where(IterationRow.policy_version <= version))
