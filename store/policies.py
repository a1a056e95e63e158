"""Published policies: their versions, their line of descent, and which one is served."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.errors import StoreError, UnknownPolicyError
from store.jsonable import finite_json
from store.models import PolicyRow, PromotionRow
from store.records import Policy
from store.run_state import state_row


def next_version(session: Session) -> int:
    """A version number, from 1 up, that was never handed out before, whether or not a policy came of it."""
    state = state_row(session, lock=True)
    state.last_version = max(state.last_version, session.scalar(select(func.max(PolicyRow.version))) or 0) + 1
    return state.last_version


def add_policy(session: Session, policy: Policy, now: float) -> None:
    """Records a published checkpoint. Adding the same one again changes nothing.

    Raises:
        StoreError: the version is taken by another checkpoint.
        UnknownPolicyError: the parent was never published.
    """
    known = session.get(PolicyRow, policy.version)
    if known is not None:
        if known.path != policy.path:
            raise StoreError(f"policy version {policy.version} is {known.path} already: a version is never used twice")
        return
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
            created_at=now,
        )
    )
    session.flush()
    if policy.promoted:
        promote(session, policy.version, now)


def promote(session: Session, version: int, now: float) -> None:
    """From now on this version is the one that is served."""
    require_policy(session, version)
    if promoted_version(session) != version:
        session.add(PromotionRow(policy_version=version, promoted_at=now))


def require_policy(session: Session, version: int) -> PolicyRow:
    """Raises `UnknownPolicyError` where there is none."""
    row = session.get(PolicyRow, version)
    if row is None:
        raise UnknownPolicyError(f"there is no policy version {version} in the store: publish it first")
    return row


def policies(session: Session) -> list[Policy]:
    """All, by version."""
    promoted = promoted_version(session)
    return [_to_policy(row, promoted) for row in session.scalars(select(PolicyRow).order_by(PolicyRow.version))]


def get_policy(session: Session, version: int) -> Policy:
    """Raises `UnknownPolicyError` where there is none."""
    return _to_policy(require_policy(session, version), promoted_version(session))


def latest_version(session: Session) -> int | None:
    """The highest version that was published."""
    return session.scalar(select(func.max(PolicyRow.version)))


def promoted_version(session: Session) -> int | None:
    """The version that was promoted last."""
    return session.scalar(select(PromotionRow.policy_version).order_by(PromotionRow.id.desc()).limit(1))


def promotions(session: Session) -> list[int]:
    """The versions in the order in which they were promoted."""
    return list(session.scalars(select(PromotionRow.policy_version).order_by(PromotionRow.id)))


def _to_policy(row: PolicyRow, promoted: int | None) -> Policy:
    return Policy(
        version=row.version,
        parent=row.parent,
        path=row.path,
        training_set_id=row.training_set_id,
        metrics=row.metrics,
        promoted=row.version == promoted,
        config=row.config,
        checksum=row.checksum,
    )
