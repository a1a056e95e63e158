"""What all ranks agree on at the end of each step: to go on, to save a checkpoint, to hold or to stop."""

import time
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.distributed as dist

from learner.checkpoints.state import TrainingState
from learner.checkpoints.writer import CheckpointWriter, SaveShards
from learner.directive import Directive, TrainingInterrupted
from learner.progress import ProgressReport

_POLL_S = 0.2
_DIRECTIVES = list(Directive)


class Agreement(NamedTuple):
    """The directive that all ranks follow, whether a checkpoint is due, and whether a rank still writes the last."""

    directive: Directive
    is_due: bool
    is_writing: bool


class StepEnd:
    """The end of each step of a training. Collective: all ranks call the same methods in the same order."""

    def __init__(
        self,
        device: torch.device,
        report: ProgressReport,
        directive: Callable[[], Directive],
        writer: CheckpointWriter | None,
        save_shards: SaveShards,
    ) -> None:
        """Without a writer, no checkpoints are saved."""
        self._device = device
        self._report = report
        self._directive = directive
        self._writer = writer
        self._save_shards = save_shards

    def reach(self, state: TrainingState) -> None:
        """Save a checkpoint if one is due, and follow the directive.

        Raises:
            TrainingInterrupted: the directive is to stop.
        """
        directive = self._tend(state)
        while directive is Directive.PAUSE:
            self._report.begin("is paused", is_paused=True)
            time.sleep(_POLL_S)
            directive = self._tend(state)
        self._report.set_step(state.step, state.total)
        if directive is Directive.STOP:
            raise TrainingInterrupted(state.step, state.total, self.save(state))

    def save(self, state: TrainingState) -> bool:
        """Save the training as it is now; returns whether a checkpoint holds it."""
        if self._writer is None:
            return False
        self.settle()
        if self._writer.last_step != state.step:
            self._report.begin("saves a checkpoint", moves_data=True)
            self._writer.begin(state, self._save_shards)
            self.settle()
        return self._writer.last_step == state.step

    def settle(self) -> None:
        """Wait until the checkpoint that was begun is complete or given up."""
        if self._writer is None or not self._writer.is_open:
            return
        self._report.begin("completes a checkpoint", moves_data=True)
        while self._agree().is_writing:
            time.sleep(_POLL_S)
        self._writer.end()

    def _tend(self, state: TrainingState) -> Directive:
        """Begin or complete a checkpoint; returns the directive."""
        agreed = self._agree()
        if self._writer is not None and self._writer.is_open and not agreed.is_writing:
            self._writer.end()
        elif self._writer is not None and agreed.is_due:
            self._writer.begin(state, self._save_shards)
        return agreed.directive

    def _agree(self) -> Agreement:
        """The latest directive of any rank; a checkpoint is due when rank 0 says so and no rank writes."""
        writer, is_first = self._writer, dist.get_rank() == 0
        is_writing = writer is not None and writer.is_writing
        is_due = not is_first or (writer is not None and writer.is_due())
        votes = [_DIRECTIVES.index(self._directive()), int(not is_due), int(is_writing)]
        if dist.get_world_size() > 1:
            tensor = torch.tensor(votes, device=self._device)
            dist.all_reduce(tensor, op=dist.ReduceOp.MAX)
            votes = tensor.tolist()
        return Agreement(_DIRECTIVES[votes[0]], votes[1] == 0 and votes[2] == 0, votes[2] > 0)
