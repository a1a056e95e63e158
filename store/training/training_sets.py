"""The store's training sets: the rollouts that trained each policy, in the order of training."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, select

from store.database.array_membership import in_array
from store.database.bulk import BATCH
from store.database.database import StorePart
from store.database.retry import retried, retrying
from store.database.tables import PolicyRow, RolloutRow, TrainingSetRolloutRow, TrainingSetRow
from store.errors import UnknownRecordError
from store.records import Rollout
from store.rollouts.reading import load_rollouts
from store.settings import SelectionSettings
from store.training.selection import select_training_set


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """A stored selection of `size` samples. `policy_version` is trained on it and closes `iteration`."""

    id: int
    policy_version: int
    iteration: int
    size: int


@retrying
class TrainingSets(StorePart):
    """Training sets, and which rollouts trained which policy."""

    def select(
        self, policy_version: int, settings: SelectionSettings | None = None, iteration: int | None = None
    ) -> int:
        """Select the rollouts to train `policy_version` on, and store the selection.

        `iteration` is the one that the policy closes, 0 for the warm start.

        Returns:
            The id of the training set.

        Raises:
            NothingToScheduleError: there is nothing to select.
            HeldOutLeakError: the selection contains a held-out problem; nothing is stored.
        """
        with self._write() as session:
            settings = settings or SelectionSettings()
            return select_training_set(session, policy_version, settings, self._now(), iteration)

    def unpublished(self) -> TrainingSet | None:
        """The latest training set if no policy was published from it or later: its training was interrupted.

        Those without an iteration are of value models, or of earlier versions.
        """
        with self._read() as session:
            newest = session.scalar(select(func.max(PolicyRow.version)))
            query = select(TrainingSetRow).where(TrainingSetRow.iteration.is_not(None))
            row = session.scalar(query.order_by(TrainingSetRow.id.desc()).limit(1))
            if row is None or row.iteration is None or (newest is not None and row.policy_version <= newest):
                return None
            return TrainingSet(row.id, row.policy_version, row.iteration, row.size)

    def lag_tokens(self, policy_version: int) -> dict[int, int]:
        """The tokens that a policy was trained on by the lag of the policy that wrote them (see `store.training.lag`).

        Demonstrations have no lag and are not counted.
        """
        query = select(TrainingSetRow.lag_tokens).join(PolicyRow, PolicyRow.training_set_id == TrainingSetRow.id)
        with self._read() as session:
            stored = session.scalar(query.where(PolicyRow.version == policy_version))
            return {int(lag): tokens for lag, tokens in (stored or {}).items()}

    def size(self, training_set_id: int) -> int:
        """The number of samples, repeated ones included. Raises `UnknownRecordError` if there is no such set."""
        with self._read() as session:
            row = session.get(TrainingSetRow, training_set_id)
            if row is None:
                raise UnknownRecordError(f"there is no training set {training_set_id} in the store")
            return row.size

    def samples(self, training_set_id: int, rank: int = 0, world_size: int = 1) -> Iterator[Rollout]:
        """Stream the samples in their shuffled order; each rank gets every `world_size`-th.

        There is one transaction per few hundred samples, so that a slow learner does not keep one open.
        """
        positions = range(rank, self.size(training_set_id), world_size)
        for start in range(0, len(positions), BATCH):
            yield from self._samples_at(training_set_id, positions[start : start + BATCH])

    def trained_on(self, policy_version: int) -> list[str]:
        """The ids of the rollouts that a policy was trained on."""
        query = (
            select(RolloutRow.id)
            .join(TrainingSetRolloutRow, TrainingSetRolloutRow.rollout_seq == RolloutRow.seq)
            .join(PolicyRow, PolicyRow.training_set_id == TrainingSetRolloutRow.training_set_id)
            .where(PolicyRow.version == policy_version)
            .distinct()
            .order_by(RolloutRow.id)
        )
        with self._read() as session:
            return list(session.scalars(query))

    def policies_trained_on(self, rollout_id: str) -> list[int]:
        """The versions of the policies that were trained on a rollout."""
        query = (
            select(PolicyRow.version)
            .join(TrainingSetRolloutRow, TrainingSetRolloutRow.training_set_id == PolicyRow.training_set_id)
            .join(RolloutRow, RolloutRow.seq == TrainingSetRolloutRow.rollout_seq)
            .where(RolloutRow.id == rollout_id)
            .distinct()
            .order_by(PolicyRow.version)
        )
        with self._read() as session:
            return list(session.scalars(query))

    @retried
    def _samples_at(self, training_set_id: int, positions: range) -> list[Rollout]:
        query = (
            select(TrainingSetRolloutRow.position, RolloutRow)
            .join(RolloutRow, RolloutRow.seq == TrainingSetRolloutRow.rollout_seq)
            .where(TrainingSetRolloutRow.training_set_id == training_set_id)
            .where(in_array(TrainingSetRolloutRow.position, positions))
            .order_by(TrainingSetRolloutRow.position)
        )
        with self._read() as session:
            rows = dict(session.execute(query).all())
            distinct = list({row.seq: row for row in rows.values()}.values())
            rollouts = {rollout.id: rollout for rollout in load_rollouts(session, distinct)}
            return [rollouts[row.id] for row in rows.values()]
