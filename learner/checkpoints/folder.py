"""The folders of mid-training checkpoints: `training-vNNNNNN/step-NNNNNNNNN`, each published like a policy."""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from learner.publication import MANIFEST, clean_leftovers, is_complete
from learner.settings import LearnerSettings

log = logging.getLogger(__name__)

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
    return [path for path in complete_checkpoints(training) if _describe(path).get("key") == asdict(key)]


def finished_checkpoint(training: Path) -> Path | None:
    """The checkpoint after the last step, whose weights are those of the policy; None if there is none."""
    for path in complete_checkpoints(training)[:1]:
        description = _describe(path)
        if description.get("step") == description.get("total", -1):
            return path
    return None


def write_description(checkpoint: Path, key: TrainingKey, step: int, total: int) -> None:
    """Describe a checkpoint after `step` of `total` steps that is not yet published."""
    description = {"key": asdict(key), "step": step, "total": total}
    (checkpoint / _DESCRIPTION).write_text(json.dumps(description, indent=1))


def remove_checkpoints(parent: Path, keep_version: int | None = None, keep_finished: int | None = None) -> list[Path]:
    """Remove the checkpoints under `parent` and what killed processes left of others; returns what was removed.

    Those of `keep_version` stay, and the finished one of `keep_finished`. No training may be writing any.
    """
    removed = clean_leftovers(parent)
    for training in sorted(parent.glob(f"{_TRAINING}*")):
        if keep_version is not None and training == training_folder(parent, keep_version):
            removed += clean_leftovers(training)
        elif keep_finished is not None and training == training_folder(parent, keep_finished):
            kept = finished_checkpoint(training)
            removed += clean_leftovers(training) + _remove_others(training, [kept] if kept else [])
        else:
            shutil.rmtree(training)
            removed.append(training)
    return removed


def prune(training: Path, keep: int) -> None:
    """Remove all but the `keep` checkpoints of a training that were completed last."""
    by_age = sorted(complete_checkpoints(training), key=lambda path: (path / MANIFEST).stat().st_mtime_ns)
    _remove_others(training, by_age[-keep:])


def claim_folder(training: Path, key: TrainingKey) -> list[Path]:
    """The checkpoints that training `key` can continue from, the newest first; all others are removed."""
    own = resumable_checkpoints(training, key)
    for path in _remove_others(training, own) + clean_leftovers(training):
        log.warning("%s is of a training with other settings, or was not completed: removed", path)
    return own


def _remove_others(training: Path, kept: Sequence[Path]) -> list[Path]:
    removed = [path for path in sorted(training.glob(f"{_STEP}*")) if path not in kept]
    for path in removed:
        shutil.rmtree(path)
    return removed


def _describe(checkpoint: Path) -> dict[str, Any]:
    try:
        description: dict[str, Any] = json.loads((checkpoint / _DESCRIPTION).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return description
