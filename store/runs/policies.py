"""The store's published policies: their versions, their lineage, and which one is promoted."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.database import StorePart
from store.database.json_columns import finite_json
from store.database.retry import retrying
from store.database.tables import PolicyRow, PromotionRow
from store.errors import PolicyPrunedError, StoreError, UnknownPolicyError
from store.records import Decision, Policy
from store.runs import policy_retention
from store.runs.run_state import state_row
from store.settings import PolicyRetentionSettings


@dataclass(frozen=True, slots=True)
class PolicyState:
    """What the loop needs to know of a policy: the iteration that trained it, and whether its promotion is decided.

    `iteration` is 0 for the base, which has no parent, and for the warm start.
    """

    version: int
    parent: int | None
    iteration: int | None
    is_decided: bool


@dataclass(frozen=True, slots=True)
class Promotion:
    """One promotion: the policy, when (Unix seconds), and why; None in those of earlier versions."""

    version: int
    promoted_at: float
    reason: str | None


@retrying
class Policies(StorePart):
    """Published checkpoints, by version. The one that was promoted last is served."""

    def next_version(self) -> int:
        """Reserve a version number, from 1 up, that was never returned before, whether or not a policy uses it."""
        with self._write() as session:
            state = state_row(session, lock=True)
            state.last_version = max(state.last_version, _latest_version(session) or 0) + 1
            return state.last_version

    def add(self, policy: Policy) -> None:
        """Record a published checkpoint; adding the same one again changes nothing.

        A path beside a store in a file is kept relative to it, so that the folder of a run can be moved.

        Raises:
            StoreError: another checkpoint has this version.
            UnknownPolicyError: the parent was never published.
        """
        stored = replace(policy, path=self._database.paths.to_stored(policy.path))
        with self._write() as session:
            known = session.get(PolicyRow, policy.version)
            if known is None:
                _insert(session, stored, self._now())
            elif known.path != stored.path:
                raise StoreError(
                    f"policy version {policy.version} is {known.path} already: a version is never used twice"
                )

    def relocate(self, version: int, path: str) -> None:
        """Record that the folder of a policy was moved. Raises `UnknownPolicyError` if there is no such policy."""
        with self._write() as session:
            require_policy(session, version).path = self._database.paths.to_stored(path)

    def get(self, version: int) -> Policy:
        """The policy of this version. Raises `UnknownPolicyError` if there is none."""
        with self._read() as session:
            return self._record(require_policy(session, version), _promoted_version(session))

    def all(self) -> list[Policy]:
        """All policies, by version; `promoted` is true of the one that is served."""
        with self._read() as session:
            promoted = _promoted_version(session)
            return [
                self._record(row, promoted) for row in session.scalars(select(PolicyRow).order_by(PolicyRow.version))
            ]

    def brief(self) -> list[PolicyState]:
        """The state of each policy, by version."""
        query = select(PolicyRow.version, PolicyRow.parent, PolicyRow.iteration, PolicyRow.decision)
        with self._read() as session:
            rows = session.execute(query.order_by(PolicyRow.version)).all()
            return [PolicyState(row.version, row.parent, row.iteration, row.decision is not None) for row in rows]

    def published_at(self) -> dict[int, float]:
        """When each policy was added, in Unix seconds, by version."""
        with self._read() as session:
            return dict(session.execute(select(PolicyRow.version, PolicyRow.created_at)).all())

    def latest(self) -> Policy | None:
        """The policy with the highest version."""
        with self._read() as session:
            return self._find(session, _latest_version(session))

    def require_latest(self) -> Policy:
        """The policy with the highest version. Raises `UnknownPolicyError` if none was published."""
        policy = self.latest()
        if policy is None:
            raise UnknownPolicyError("there is no policy in the store: prepare the run first")
        return policy

    def promoted(self) -> Policy | None:
        """The policy that is served."""
        with self._read() as session:
            return self._find(session, _promoted_version(session))

    def promote(self, version: int, reason: str | None = None) -> None:
        """Make this version the one that is served; promoting the served one again changes nothing.

        Raises:
            UnknownPolicyError: there is no such policy.
            PolicyPrunedError: its folder was pruned.
        """
        with self._write() as session:
            _promote(session, version, self._now(), reason)

    def decide(self, version: int, decision: Decision, assessment: Mapping[str, Any], reason: str) -> None:
        """Store the decision on a policy's promotion and what it rests on, and promote it if it is to be.

        The first decision stays: another one changes nothing, so that a driver that died may repeat it.

        Raises:
            UnknownPolicyError: there is no such policy.
            PolicyPrunedError: it is to be promoted, and its folder was pruned.
        """
        with self._write() as session:
            row = require_policy(session, version, lock=True)
            if row.decision is not None:
                return
            row.decision, row.assessment = decision.value, finite_json(assessment)
            if decision is Decision.PROMOTED:
                _promote(session, version, self._now(), reason)

    def promotions(self) -> list[Promotion]:
        """All promotions, oldest first; the policy of the last one is served."""
        query = select(PromotionRow.policy_version, PromotionRow.promoted_at, PromotionRow.reason)
        with self._read() as session:
            return [Promotion(*row) for row in session.execute(query.order_by(PromotionRow.id))]

    def kept(self, settings: PolicyRetentionSettings, benchmark: str) -> dict[int, list[str]]:
        """Why policies are kept, by version; those that are not among them may be pruned (see `policy_retention`)."""
        with self._read() as session:
            return policy_retention.kept(session, settings, benchmark, self._now())

    def prune(self, settings: PolicyRetentionSettings, benchmark: str) -> list[int]:
        """Mark the policies that need not be kept as pruned, before their folders are removed; returns the new ones.

        From then on they cannot be promoted, so that none is served without its folder.
        """
        with self._write() as session:
            return policy_retention.mark_pruned(session, settings, benchmark, self._now())

    def _find(self, session: Session, version: int | None) -> Policy | None:
        return None if version is None else self._record(require_policy(session, version), _promoted_version(session))

    def _record(self, row: PolicyRow, promoted: int | None) -> Policy:
        return Policy(
            version=row.version,
            parent=row.parent,
            path=self._database.paths.from_stored(row.path),
            training_set_id=row.training_set_id,
            metrics=row.metrics,
            promoted=row.version == promoted,
            config=row.config,
            checksum=row.checksum,
            iteration=row.iteration,
            decision=None if row.decision is None else Decision(row.decision),
            assessment=row.assessment,
            is_pruned=row.pruned_at is not None,
        )


def require_policy(session: Session, version: int, *, lock: bool = False) -> PolicyRow:
    """The row of a version. Raises `UnknownPolicyError` if there is none."""
    row = session.get(PolicyRow, version, with_for_update=lock or None)
    if row is None:
        raise UnknownPolicyError(f"there is no policy version {version} in the store: publish it first")
    return row


def _insert(session: Session, policy: Policy, now: float) -> None:
    if policy.parent is not None:
        require_policy(session, policy.parent)
    session.add(
        PolicyRow(
            version=policy.version,
            parent=policy.parent,
            path=policy.path,
            training_set_id=policy.training_set_id,
            config=finite_json(policy.config),
            metrics=finite_json(policy.metrics),
            checksum=policy.checksum,
            iteration=policy.iteration,
            decision=policy.decision,
            assessment=None if policy.assessment is None else finite_json(policy.assessment),
            created_at=now,
        )
    )
    session.flush()
    if policy.promoted:
        _promote(session, policy.version, now)


def _promote(session: Session, version: int, now: float, reason: str | None = None) -> None:
    row = require_policy(session, version, lock=True)  # so that it is not pruned meanwhile
    if row.pruned_at is not None:
        raise PolicyPrunedError(pruned_message(version))
    if _promoted_version(session) != version:
        session.add(PromotionRow(policy_version=version, promoted_at=now, reason=reason))


def pruned_message(version: int) -> str:
    """The message of an error where a pruned policy is needed."""
    return (
        f"policy {version} was pruned: its folder was removed to save space; `automathes policies list` shows which are"
        " left, and `policies` in the configuration which are kept"
    )


def _latest_version(session: Session) -> int | None:
    return session.scalar(select(func.max(PolicyRow.version)))


def _promoted_version(session: Session) -> int | None:
    return session.scalar(select(PromotionRow.policy_version).order_by(PromotionRow.id.desc()).limit(1))
