"""The lag of training: by how many published policies the attempts of a training set are older than its starting point.

A policy is trained further from the latest one. An attempt of that one has lag 0, one of its parent lag 1, and so on.
"""

from collections import Counter

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from store.database.tables import PolicyRow, RolloutRow, TrainingSetRolloutRow


def tokens_by_lag(session: Session, training_set: int) -> dict[str, int]:
    """The tokens of a set's attempts by the lag of their oldest policy, as a string; repeated attempts count again."""
    versions = session.scalars(select(PolicyRow.version).order_by(PolicyRow.version.desc())).all()
    lags = {version: lag for lag, version in enumerate(versions)}
    oldest = RolloutRow.first_policy_version
    query = select(oldest, func.sum(RolloutRow.tokens)).where(oldest.is_not(None))
    query = query.join(TrainingSetRolloutRow, TrainingSetRolloutRow.rollout_seq == RolloutRow.seq)
    query = query.where(TrainingSetRolloutRow.training_set_id == training_set).group_by(oldest)
    tokens: Counter[int] = Counter()
    for version, count in session.execute(query):
        tokens[lags.get(version or 0, len(versions))] += int(count)
    return {str(lag): tokens[lag] for lag in sorted(tokens)}
