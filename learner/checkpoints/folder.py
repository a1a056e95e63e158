"""The folders of mid-training checkpoints: `training-vNNNNNN/step-NNNNNNNNN`, each published like a policy."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from learner.publication import clean_leftovers, is_complete
from learner.settings import LearnerSettings

SHARDS = "deepspeed"
"""DeepSpeed's part of a checkpoint: weights and optimizer."""
_DESCRIPTION = "training.json"
_TRAINING = "training-v"
_STEP = "step-"


class CheckpointUnreadableError(RuntimeError):
    """A checkpoint that is complete cannot be read."""


@dataclass(frozen=True, slots=True)
class TrainingKey:
    """What a training consists of. A checkpoint of another one cannot be continued as this one.

    `recipe` are the settings that decide its batches, its steps and the layout of its shards.
    """

    version: int
    training_set_id: int
    phase: str
    recipe: Mapping[str, Any]

    @classmethod
    def of(cls, settings: LearnerSettings, training_set_id: int, phase: str, version: int) -> "TrainingKey":
        """The key of a training with these settings."""
        names = {"num_ranks", "zero_stage", "precision", "adam_betas", "weight_decay", "gradient_clip"}
        common = settings.model_dump(mode="json", include=names | {"max_sequence_tokens", "seed"})
        return cls(version, training_set_id, phase, common | settings.phase(phase).model_dump(mode="json"))


def training_folder(parent: Path, version: int) -> Path:
    """The folder under `parent` with the checkpoints of the training of policy `version`."""
    return parent / f"{_TRAINING}{version:06d}"


def step_folder(training: Path, step: int) -> Path:
    """The folder of the checkpoint after `step` steps."""
    return training / f"{_STEP}{step:09d}"


def complete_checkpoints(training: Path) -> list[Path]:
    """The complete checkpoints of a training, the newest first."""
    return sorted((path for path in training.glob(f"{_STEP}*") if is_complete(path)), reverse=True)


def resumable_checkpoints(training: Path, key: TrainingKey) -> list[Path]:
    """The checkpoints that training `key` can continue from, the newest first."""
    return [path for path in complete_checkpoints(training) if _read_key(path) == asdict(key)]


def write_key(checkpoint: Path, key: TrainingKey) -> None:
    """Describe a checkpoint that is not yet published."""
    (checkpoint / _DESCRIPTION).write_text(json.dumps(asdict(key), indent=1))


def remove_checkpoints(parent: Path, keep_version: int | None = None, keep_last: int | None = None) -> list[Path]:
    """Remove the checkpoints under `parent` and what killed processes left of others; returns what was removed.

    Those of `keep_version` stay, and the last one of `keep_last`. No training may be writing any.
    """
    removed = clean_leftovers(parent)
    for training in sorted(parent.glob(f"{_TRAINING}*")):
        if keep_version is not None and training == training_folder(parent, keep_version):
            removed += clean_leftovers(training)
        elif keep_last is not None and training == training_folder(parent, keep_last):
            removed += clean_leftovers(training) + prune(training, keep=1)
        else:
            shutil.rmtree(training)
            removed.append(training)
    return removed


def prune(training: Path, keep: int) -> list[Path]:
    """Remove all but the last `keep` complete checkpoints of a training; returns what was removed."""
    kept = complete_checkpoints(training)[:keep]
    removed = [path for path in sorted(training.glob(f"{_STEP}*")) if path not in kept]
    for path in removed:
        shutil.rmtree(path)
    return removed


def _read_key(checkpoint: Path) -> Any:
    try:
        return json.loads((checkpoint / _DESCRIPTION).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return None
