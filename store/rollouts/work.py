"""The work that a sampler may lease, and the policy that it should load for it.

A sampler states the policy version that its engine holds. The gate: training work of an iteration is open to policies
that are at least as new as the one that the iteration was opened with, so that a late sampler is never ahead of it or
behind it. An evaluation is open to the evaluated policy alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sqlalchemy import ColumnElement, Row, Select, case, exists, func, not_, or_, select
from sqlalchemy.orm import Session

from store.database.tables import AssignmentRow, EvaluationRow, IterationRow, PolicyRow, RunStateRow, SamplerRow
from store.records import Purpose

ACTIVE_S = 30.0
"""A sampler that reported within this time shares the end of an iteration."""

NOT_SAMPLING = ("starting", "ended")
"""States of `store.runs.samplers.SamplerState` in which a sampler leases nothing."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for work: its name, the policy version that it holds, and the purpose that it is restricted to.

    A caller without a version gets work of any policy: a test, or a tool that samples by other means. One without a
    purpose belongs to the run and leases nothing while the run is paused. `pinned` is the only policy that it loads.
    `role` is what it samples now where the run's samplers divide the purposes among themselves, with `peers` samplers
    that do the same, itself included (see `divided`).
    """

    owner: str
    held: int | None = None
    purpose: Purpose | None = None
    pinned: int | None = None
    role: Purpose | None = None
    peers: int | None = None

    @property
    def purposes(self) -> tuple[Purpose, ...]:
        """What it samples, in this order."""
        only = self.purpose or self.role
        return (Purpose.EVAL, Purpose.TRAIN) if only is None else (only,)


class LoadablePolicy(NamedTuple):
    """The columns of a policy that choosing and loading it need."""

    version: int
    path: str
    checksum: str | None
    created_at: float


def may_work(session: Session, caller: Caller) -> bool:
    """Whether the run is to go on; a caller with a purpose of its own does not depend on it."""
    if caller.purpose is not None:
        return True
    desired = session.scalar(select(RunStateRow.desired))
    return desired is None or desired == "running"


def divided(session: Session, caller: Caller, evaluators: int, now: float) -> Caller:
    """The caller in its role where the first `evaluators` samplers of the run are for evaluations, the others not.

    Those that lease now count, in the order of their numbers: when one is lost the next takes its place, and where no
    more are left than are to evaluate, each does all.
    """
    if caller.purpose is not None or evaluators == 0:
        return caller
    names = sorted({caller.owner, *session.scalars(_active(now))}, key=lambda name: (len(name), name))
    if len(names) <= evaluators:
        return caller
    if caller.owner in names[:evaluators]:
        return replace(caller, role=Purpose.EVAL, peers=evaluators)
    return replace(caller, role=Purpose.TRAIN, peers=len(names) - evaluators)


def free_work(caller: Caller, purpose: Purpose, now: float) -> Select[int, int]:
    """(id, missing rollouts) of the free assignments for a purpose that the caller may lease, in their order."""
    query = select(AssignmentRow.id, _MISSING).where(*_is_open(caller, purpose), _is_unleased(now))
    return query.order_by(AssignmentRow.id)


# ---------------------------------------------------------------- shares


def fair_shares(session: Session, caller: Caller, attempts: int, now: float) -> dict[Purpose, int]:
    """How many of the free attempts for each purpose the caller may lease; a purpose without any is left out.

    All that are wanted, unless so few are left that the active samplers must share them. Then each holds as many as the
    others, within the size of an assignment: one that holds its part already waits, one that holds none gets some.
    """
    if not may_work(session, caller):
        return {}
    num_samplers = caller.peers or 1 + _count_others(session, caller, now)
    shares = (
        (purpose, _fair_share(session, caller, purpose, attempts, num_samplers, now)) for purpose in caller.purposes
    )
    return {purpose: share for purpose, share in shares if share > 0}


def _count_others(session: Session, caller: Caller, now: float) -> int:
    """The other samplers that lease."""
    others = _active(now).where(SamplerRow.name != caller.owner).subquery()
    return session.scalar(select(func.count()).select_from(others)) or 0


def _active(now: float) -> Select[str]:
    """The names of the samplers that lease. A clock that was ahead keeps none of them for longer than it was."""
    reports = SamplerRow.reported_at.between(now - ACTIVE_S, now + ACTIVE_S)
    return select(SamplerRow.name).where(reports, SamplerRow.state.not_in(NOT_SAMPLING))


def _fair_share(
    session: Session, caller: Caller, purpose: Purpose, attempts: int, num_samplers: int, now: float
) -> int:
    enough = attempts * num_samplers
    free = free_work(caller, purpose, now).limit(1 if num_samplers == 1 else enough).subquery()
    num_free = int(session.scalar(select(func.sum(free.c.missing))) or 0)
    if num_free == 0 or num_samplers == 1 or num_free >= enough:
        return attempts if num_free else 0
    own, leased = _count_leased(session, caller, purpose, now)
    share = -(-(num_free + leased) // num_samplers) - own
    return min(attempts, max(share, 0 if own else 1))


def _count_leased(session: Session, caller: Caller, purpose: Purpose, now: float) -> tuple[int, int]:
    """(the caller's, all) leased attempts for a purpose that the caller may make and that are not written yet."""
    own = case((AssignmentRow.owner == caller.owner, _MISSING), else_=0)
    query = select(func.sum(own), func.sum(_MISSING)).where(*_is_open(caller, purpose), not_(_is_unleased(now)))
    own_count, all_count = session.execute(query).one()
    return int(own_count or 0), int(all_count or 0)


# ---------------------------------------------------------------- policies


def choose_policy(session: Session, caller: Caller, now: float, swap_wait_s: float) -> LoadablePolicy | None:
    """The policy that the caller should hold; None if there is none.

    The latest one, with two exceptions. While attempts of an evaluation of the held policy are missing, it stays for
    up to `swap_wait_s` seconds after a newer policy was published, and for as long as that one has no work. And where
    the latest policy has no work, an unfinished evaluation of an older one is completed, once the caller has finished
    what the older one may not sample.
    """
    if caller.pinned is not None:
        return _find(session, PolicyRow.version == caller.pinned)
    latest = _find(session)
    if latest is None:
        return None
    has_work = _has_work(session, caller, latest.version, now)
    if caller.held != latest.version and _holds_evaluation(session, caller, now):
        is_young = now < latest.created_at + swap_wait_s
        if is_young or not has_work:
            return _find(session, PolicyRow.version == caller.held)
    return latest if has_work else _oldest_unmeasured(session, caller, now) or latest


def _find(session: Session, *conditions: ColumnElement[bool]) -> LoadablePolicy | None:
    """The latest policy that meets the conditions."""
    query = select(*_LOADABLE).where(*conditions).order_by(PolicyRow.version.desc()).limit(1)
    return _to_loadable(session.execute(query).first())


def _has_work(session: Session, caller: Caller, version: int, now: float) -> bool:
    """Whether anything is free that the caller would sample with a policy."""
    with_policy = replace(caller, held=version)
    free = (exists(free_work(with_policy, purpose, now).order_by(None)) for purpose in caller.purposes)
    return may_work(session, caller) and bool(session.scalar(select(or_(*free))))


def _holds_evaluation(session: Session, caller: Caller, now: float) -> bool:
    """Whether attempts of an evaluation of the held policy are free, or leased by the caller."""
    if caller.held is None or Purpose.EVAL not in caller.purposes:
        return False
    own = or_(AssignmentRow.owner == caller.owner, _is_unleased(now))
    return bool(session.scalar(select(exists().where(*_is_open(caller, Purpose.EVAL), own))))


def _oldest_unmeasured(session: Session, caller: Caller, now: float) -> LoadablePolicy | None:
    """The oldest policy that an evaluation lacks attempts of, if the caller may make them now."""
    if Purpose.EVAL not in caller.purposes or not may_work(session, caller):
        return None
    free = select(AssignmentRow.evaluation_id).where(*_IS_UNFINISHED[Purpose.EVAL], _is_unleased(now)).distinct()
    query = select(*_LOADABLE).join(EvaluationRow, EvaluationRow.policy_version == PolicyRow.version)
    query = query.where(EvaluationRow.id.in_(free), PolicyRow.pruned_at.is_(None))
    oldest = _to_loadable(session.execute(query.order_by(PolicyRow.version).limit(1)).first())
    return None if oldest is None or _has_begun_newer(session, caller, oldest.version) else oldest


def _has_begun_newer(session: Session, caller: Caller, version: int) -> bool:
    """Whether the caller has training attempts under way that are not open to a policy as old as this one."""
    unfinished = *_IS_UNFINISHED[Purpose.TRAIN], AssignmentRow.owner == caller.owner
    return bool(session.scalar(select(exists().where(*unfinished, not_(_is_open_to(version, Purpose.TRAIN))))))


def _to_loadable(row: Row[int, str, str | None, float] | None) -> LoadablePolicy | None:
    return None if row is None else LoadablePolicy(*row)


# ---------------------------------------------------------------- conditions

_MISSING: ColumnElement[int] = (AssignmentRow.samples - AssignmentRow.done).label("missing")
_LOADABLE = PolicyRow.version, PolicyRow.path, PolicyRow.checksum, PolicyRow.created_at
_IS_UNFINISHED = {
    purpose: (AssignmentRow.completed_at.is_(None), AssignmentRow.purpose == purpose) for purpose in Purpose
}


def _is_open(caller: Caller, purpose: Purpose) -> Sequence[ColumnElement[bool]]:
    """Whether an assignment for a purpose is unfinished, and the policy that the caller holds may sample it."""
    if caller.held is None:
        return _IS_UNFINISHED[purpose]
    return *_IS_UNFINISHED[purpose], _is_open_to(caller.held, purpose)


def _is_unleased(now: float) -> ColumnElement[bool]:
    return or_(AssignmentRow.owner.is_(None), AssignmentRow.lease_expires_at <= now)


def _is_open_to(version: int, purpose: Purpose) -> ColumnElement[bool]:
    """Whether the policy of a version may sample an assignment.

    The sums with 0 keep a database from looking up a whole iteration or evaluation by its number: only unfinished
    assignments are read, however many are complete.
    """
    if purpose is Purpose.EVAL:
        evaluations = select(EvaluationRow.id).where(EvaluationRow.policy_version == version)
        return (AssignmentRow.evaluation_id + 0).in_(evaluations)
    iterations = select(IterationRow.number).where(IterationRow.policy_version <= version)
    return (AssignmentRow.iteration + 0).in_(iterations)
