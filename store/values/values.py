"""The store's value models: begun, published, and the scores that they gave to rollouts."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import batched
from typing import Any

from sqlalchemy import func, select

from store.database.database import StorePart
from store.database.retry import retried, retrying
from store.database.tables import ValueModelRow
from store.errors import UnknownRecordError
from store.records import ScoredAttempt, UnscoredAttempt, ValueModel
from store.runs.evaluations import evaluation_parts
from store.runs.policies import require_policy
from store.settings import SelectionSettings
from store.training.candidates import find_contenders
from store.training.selection import select_training_set
from store.values import scores

_ASSIGNMENTS = 32
"""Assignments whose attempts are read at a time."""


@retrying
class Values(StorePart):
    """Value models by version, a number that is never used twice, and their scores."""

    def begin(self, policy_version: int, settings: Mapping[str, Any], selection: SelectionSettings) -> ValueModel:
        """Select a training set for a value model that begins as a policy, and reserve its version.

        A training with the same settings, from the same policy, that was not published is continued.

        Raises:
            UnknownPolicyError: the policy was never published.
            NothingToScheduleError: there is no attempt with a verdict.
            HeldOutLeakError: the selection contains a held-out problem; nothing is stored.
        """
        with self._write() as session:
            require_policy(session, policy_version)
            begun = select(ValueModelRow).filter_by(policy_version=policy_version, published_at=None)
            for row in session.scalars(begun.order_by(ValueModelRow.version.desc())):
                if row.settings == dict(settings):
                    return _record(row)
            newest = session.scalar(select(func.max(ValueModelRow.version)))
            row = ValueModelRow(
                version=1 + (newest or 0),
                policy_version=policy_version,
                training_set_id=select_training_set(session, policy_version, selection, self._now()),
                settings=dict(settings),
                metrics={},
                created_at=self._now(),
            )
            session.add(row)
            session.flush()
            return _record(row)

    def publish(self, version: int, path: str, checksum: str, metrics: Mapping[str, float]) -> ValueModel:
        """Record where a value model was published. Raises `UnknownRecordError` if it was never begun."""
        with self._write() as session:
            row = session.get(ValueModelRow, version)
            if row is None:
                raise UnknownRecordError(f"there is no value model {version} in the store")
            row.path, row.checksum, row.metrics = path, checksum, dict(metrics)
            row.published_at = self._now()
            return _record(row)

    def published(self) -> list[ValueModel]:
        """The value models whose training has ended, by version."""
        query = select(ValueModelRow).where(ValueModelRow.published_at.is_not(None)).order_by(ValueModelRow.version)
        with self._read() as session:
            return [_record(row) for row in session.scalars(query)]

    # ---------------------------------------------------------------- scores

    def progress(self, version: int, evaluation_id: int) -> tuple[int, int]:
        """(scored, to score) attempts of an evaluation. Attempts that ended in a fault have no score."""
        with self._read() as session:
            return scores.progress(session, version, evaluation_parts(session, evaluation_id))

    def unscored(self, version: int, evaluation_id: int) -> Iterator[list[UnscoredAttempt]]:
        """The attempts of an evaluation without a score of a value model, a few hundred at a time.

        There is one transaction per batch, so that a slow engine does not keep one open.
        """
        for batch in batched(self._assignments(evaluation_id), _ASSIGNMENTS):
            if found := self._unscored_of(version, batch):
                yield found

    def contenders(self, selection: SelectionSettings) -> list[int]:
        """The rollouts, by `seq`, among which a selection's value model is to choose and which it has not scored."""
        with self._read() as session:
            return [candidate.seq for candidate in find_contenders(session, selection) if candidate.score is None]

    def unscored_of(self, version: int, seqs: Sequence[int]) -> list[UnscoredAttempt]:
        """Those of these rollouts that have no score of a value model."""
        with self._read() as session:
            return scores.unscored_of(session, version, seqs)

    def add_scores(self, version: int, found: Sequence[tuple[int, float]]) -> None:
        """Store scores by the `seq` of their rollouts; those of rollouts that have one already are dropped.

        Raises:
            StoreError: a score is not a finite number.
        """
        scores.require_finite(version, found)
        with self._write() as session:
            scores.add(session, version, found)

    def attempts(self, version: int, evaluation_id: int) -> dict[str, list[ScoredAttempt]]:
        """All attempts of an evaluation by problem id, each list in the order of the samples."""
        with self._read() as session:
            return scores.read_attempts(session, version, evaluation_parts(session, evaluation_id))

    @retried
    def _assignments(self, evaluation_id: int) -> list[int]:
        with self._read() as session:
            return scores.assignments(session, evaluation_parts(session, evaluation_id))

    @retried
    def _unscored_of(self, version: int, assignments: Sequence[int]) -> list[UnscoredAttempt]:
        with self._read() as session:
            return scores.unscored(session, version, assignments)


def _record(row: ValueModelRow) -> ValueModel:
    return ValueModel(
        row.version, row.policy_version, row.training_set_id, row.settings, row.metrics, row.path, row.checksum
    )
