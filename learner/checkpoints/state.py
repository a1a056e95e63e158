"""What a training keeps beside weights and optimizer: its step, its figures and its random numbers."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from learner.loss import SkipCounter
from learner.publication.files import HashingWriter
from learner.training_metrics import StepStats
from store.artifacts.manifest import FileEntry


@dataclass(slots=True)
class TrainingState:
    """A running training on one rank, after `step` of `total` steps and `seconds` of work."""

    skipped: SkipCounter
    total: int
    step: int = 0
    seconds: float = 0.0
    stats: StepStats = field(default_factory=StepStats)

    def to_dict(self) -> dict[str, Any]:
        """A copy in tensors and plain values, with the state of the random number generators."""
        return {
            "step": self.step,
            "seconds": self.seconds,
            "skipped": [self.skipped.total, self.skipped.in_a_row],
            "loss_sums": torch.stack(self.stats.loss_sums).cpu() if self.stats.loss_sums else torch.zeros(0),
            "loss_tokens": list(self.stats.loss_tokens),
            "grad_norms": list(self.stats.grad_norms),
            "all_tokens": self.stats.all_tokens,
            "random": torch.get_rng_state(),
            "device_random": torch.cuda.get_rng_state() if torch.cuda.is_initialized() else None,
        }

    def restore(self, saved: dict[str, Any], device: torch.device) -> None:
        """Continue from what `to_dict` returned."""
        self.step, self.seconds = saved["step"], saved["seconds"]
        self.skipped.total, self.skipped.in_a_row = saved["skipped"]
        self.stats.loss_sums = list(saved["loss_sums"].to(device).unbind())
        self.stats.loss_tokens = list(saved["loss_tokens"])
        self.stats.grad_norms = list(saved["grad_norms"])
        self.stats.all_tokens = saved["all_tokens"]
        torch.set_rng_state(saved["random"])
        if saved["device_random"] is not None and device.type == "cuda":
            torch.cuda.set_rng_state(saved["device_random"])


def state_file(checkpoint: Path, rank: int) -> Path:
    """The file of a rank's state in a checkpoint."""
    return checkpoint / f"rank-{rank:05d}.pt"


def save_state(saved: dict[str, Any], path: Path) -> FileEntry:
    """Write what `to_dict` returned; returns the file's entry. Raises `OSError`."""
    with HashingWriter(path) as file:
        torch.save(saved, file)
    assert file.entry is not None
    return file.entry


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote."""
    saved: dict[str, Any] = torch.load(path, weights_only=True)
    return saved
