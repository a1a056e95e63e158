"""The folders of mid-training checkpoints: `training-vNNNNNN/step-NNNNNNNNN`, each published like a policy.

They are on a disk that all ranks share, or under a URL; there, their names end with that of the attempt.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from learner.publication import MANIFEST, clean_leftovers, is_complete
from learner.settings import LearnerSettings
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, is_url, join

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


def training_folder(parent: Location, version: int) -> Location:
    """The folder under `parent` with the checkpoints of the training of policy `version`."""
    return join(parent, f"{_TRAINING}{version:06d}")


def step_folder(training: Location, step: int, attempt: str = "") -> Location:
    """The folder of the checkpoint after `step` steps.

    Under a URL it has the name of the attempt: ranks that were lost may go on uploading theirs, and nothing is renamed.
    """
    suffix = f"-{attempt}" if attempt and is_url(training) else ""
    return join(training, f"{_STEP}{step:09d}{suffix}")


def complete_checkpoints(training: Location) -> list[Location]:
    """The complete checkpoints of a training, the newest first. Raises `StorageError`."""
    return [location for location in reversed(_checkpoints(training)) if is_complete(location)]


def resumable_checkpoints(training: Location, key: TrainingKey) -> list[Location]:
    """The checkpoints that training `key` can continue from, the newest first. Raises `StorageError`."""
    return [location for location in complete_checkpoints(training) if _describe(location).get("key") == asdict(key)]


def finished_checkpoint(training: Location) -> Location | None:
    """The checkpoint after the last step, whose weights are those of the policy; None if there is none.

    Raises `StorageError`.
    """
    for location in complete_checkpoints(training)[:1]:
        description = _describe(location)
        if description.get("step") == description.get("total", -1):
            return location
    return None


def write_description(checkpoint: Path, key: TrainingKey, step: int, total: int) -> None:
    """Describe a checkpoint after `step` of `total` steps that is not yet published."""
    description = {"key": asdict(key), "step": step, "total": total}
    (checkpoint / _DESCRIPTION).write_text(json.dumps(description, indent=1))


def remove_checkpoints(
    parent: Location, keep_version: int | None = None, keep_finished: int | None = None
) -> list[Location]:
    """Remove the checkpoints under `parent` and what killed processes left of others; returns what was removed.

    Those of `keep_version` stay, and the finished one of `keep_finished`. No training may be writing any. Raises
    `StorageError`.
    """
    removed: list[Location] = [*clean_leftovers(parent)]
    for name in folder_at(parent).folders():
        training = join(parent, name)
        if not name.startswith(_TRAINING):
            continue
        if keep_version is not None and training == training_folder(parent, keep_version):
            removed += clean_leftovers(training)
        elif keep_finished is not None and training == training_folder(parent, keep_finished):
            kept = finished_checkpoint(training)
            removed += [*clean_leftovers(training), *_remove_others(training, [kept] if kept else [])]
        else:
            folder_at(training).remove()
            removed.append(training)
    return removed


def prune(training: Location, keep: int) -> None:
    """Remove all but the `keep` checkpoints of a training that were completed last."""
    by_age = sorted(complete_checkpoints(training), key=lambda location: (_completed_at(location), str(location)))
    _remove_others(training, by_age[-keep:])


def claim_folder(training: Location, key: TrainingKey) -> list[Location]:
    """The checkpoints that training `key` can continue from, the newest first; all others are removed.

    Raises `StorageError`.
    """
    own = resumable_checkpoints(training, key)
    for location in [*_remove_others(training, own), *clean_leftovers(training)]:
        log.warning("%s is of a training with other settings, or was not completed: removed", location)
    return own


def _checkpoints(training: Location) -> list[Location]:
    """All checkpoints of a training, complete or not, in the order of their steps."""
    return [join(training, name) for name in folder_at(training).folders() if name.startswith(_STEP)]


def _remove_others(training: Location, kept: Sequence[Location]) -> list[Location]:
    removed = [location for location in _checkpoints(training) if location not in kept]
    for location in removed:
        folder_at(location).remove()
    return removed


def _completed_at(checkpoint: Location) -> float:
    return folder_at(checkpoint).written_at(MANIFEST)


def _describe(checkpoint: Location) -> dict[str, Any]:
    try:
        description: dict[str, Any] = json.loads(folder_at(checkpoint).read(_DESCRIPTION))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return description
