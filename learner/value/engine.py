"""The engine that trains a value model: `learner.engine.TrainingEngine` with another model and another loss."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from learner.batching import MicroBatch, TokenSequence, TrainingData
from learner.deepspeed_model import DeepSpeedModel
from learner.engine import TrainingEngine
from learner.progress import ProgressReport
from learner.settings import LearnerSettings
from learner.value.batches import collate_values
from learner.value.model import ValueModel
from learner.value.samples import value_data
from learner.value.settings import ValueSettings
from store.artifacts.location import Location
from store.records import Rollout
from store.settings import StorageSettings


class ValueEngine(TrainingEngine):
    """Trains and saves one value model on this rank, on attempts that a `ValueSettings.selection` selected.

    Its losses are per token after which a value is trained: squared errors, or as `ValueSettings` says. What
    `save_policy` publishes is a folder that transformers and vLLM load as a sequence classifier with one label.
    """

    def __init__(
        self,
        value: ValueSettings,
        settings: LearnerSettings,
        policy: Location,
        report: ProgressReport | None = None,
        storage: StorageSettings | None = None,
        checksum: str | None = None,
    ) -> None:
        """Begin with the policy at a location; raises what `TrainingEngine` raises, and `MissingOutputLayerError`."""
        self._value = value
        super().__init__(settings, policy, report, storage, checksum)

    def _load(self, folder: Path) -> DeepSpeedModel:
        return ValueModel(self._value, self.settings, self.device, folder, self.report)

    def _read(self, rollouts: Iterable[Rollout]) -> TrainingData:
        return value_data(rollouts, self._value, self.settings.max_sequence_tokens)

    def _collate(self, sequences: Sequence[TokenSequence], indexes: Sequence[int]) -> MicroBatch:
        return collate_values(sequences, indexes, self._model.pad_id)
