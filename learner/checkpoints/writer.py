"""Saving a running training: copied to host memory at a step's end, written by a thread while the next steps run."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch.distributed as dist

from learner.checkpoints.folder import SHARDS, TrainingKey, prune, step_folder, write_description
from learner.checkpoints.shards import ShardFiles
from learner.checkpoints.state import TrainingState, save_state, state_file
from learner.progress import ProgressReport
from learner.publication.draft import Draft, open_draft
from store.artifacts.location import Location
from store.artifacts.manifest import FileEntry
from store.settings import StorageSettings

log = logging.getLogger(__name__)

KEPT = 2
"""Checkpoints kept of a training: should the last one be unreadable, the one before is used."""

_NOWHERE = Path("/dev/null/checkpoint")  # where nothing can be written

type SaveShards = Callable[[Path, ShardFiles], None]
"""Saves this rank's weights and optimizer through the files to a folder. Collective."""


class CheckpointWriter:
    """Saves the checkpoints of one training on this rank.

    A checkpoint that cannot be written, as on a full disk, is logged and given up: the training goes on, and the next
    one is tried when it is due.
    """

    def __init__(
        self,
        folder: Location,
        key: TrainingKey,
        attempt: str,
        storage: StorageSettings,
        every_s: float,
        in_background: bool,
        report: ProgressReport,
        last_step: int,
    ) -> None:
        """`attempt` is unique to this gang's training, so that it never writes where ranks that were lost may write."""
        self._folder = folder
        self._key = key
        self._attempt = attempt
        self._storage = storage
        self._draft: Draft | None = None
        self._every_s = every_s
        self._in_background = in_background
        self._report = report
        self._rank, self._num_ranks = dist.get_rank(), dist.get_world_size()
        self._begun_at = time.monotonic()
        self._step = self._total = 0
        self._thread: threading.Thread | None = None
        self._entries: dict[str, FileEntry] = {}
        self._error: Exception | None = None
        self.last_step = last_step
        """The step of the last complete checkpoint; -1 before the first."""

    @property
    def is_open(self) -> bool:
        """Whether a checkpoint was begun and not yet ended."""
        return self._thread is not None

    @property
    def is_writing(self) -> bool:
        """Whether this rank still writes it."""
        return self._thread is not None and self._thread.is_alive()

    def is_due(self) -> bool:
        """Whether it is time for the next checkpoint, by this rank's clock."""
        return not self.is_open and time.monotonic() - self._begun_at >= self._every_s

    def begin(self, state: TrainingState, save_shards: SaveShards) -> None:
        """Copy the training and begin to write it; `end` completes the checkpoint. Collective."""
        self._begun_at = time.monotonic()
        self._step, self._total, self._error = state.step, state.total, None
        self._draft = self._open_draft()
        copies = self._in_background or self._draft is None
        saved, files = state.to_dict(), ShardFiles(copies, self._report.add_bytes)
        save_shards(_NOWHERE if self._draft is None else self._draft.folder / SHARDS, files)
        self._thread = threading.Thread(target=self._write, args=(self._draft, saved, files), name="checkpoint")
        self._thread.start()

    def end(self) -> bool:
        """Complete the checkpoint, which all ranks have written; returns whether it is saved. Collective."""
        assert self._thread is not None, "begin() comes first"
        self._thread.join()
        self._thread = None
        parts: list[Any] = [(self._entries, self._error)]
        if self._num_ranks > 1:
            parts = [None] * self._num_ranks
            dist.all_gather_object(parts, (self._entries, self._error))
        result = [self._rank == 0 and self._seal(self._draft, parts)]
        if self._num_ranks > 1:
            dist.broadcast_object_list(result, src=0)
        if self._draft is not None:
            self._draft.discard()
        if result[0]:
            self.last_step = self._step
        return result[0]

    def _open_draft(self) -> Draft | None:
        """This rank's draft; None if it cannot be made, which must not keep the other ranks waiting."""
        try:
            return open_draft(step_folder(self._folder, self._step, self._attempt), self._attempt, self._storage)
        except OSError as error:
            self._error = error
            return None

    def _write(self, draft: Draft | None, saved: dict[str, Any], files: ShardFiles) -> None:
        """Write this rank's files, and upload them if ranks share no disk. Runs in a thread."""
        self._entries = {}
        if draft is None:
            return
        try:
            draft.folder.mkdir(parents=True, exist_ok=True)
            files.write_copies()
            own = state_file(draft.folder, self._rank)
            entries = files.entries | {own: save_state(saved, own)}
            self._entries = {path.relative_to(draft.folder).as_posix(): entry for path, entry in entries.items()}
            draft.upload(self._entries, self._report.add_bytes)
        except Exception as error:
            self._error = error

    def _seal(self, draft: Draft | None, parts: list[tuple[dict[str, FileEntry], Exception | None]]) -> bool:
        """On rank 0: publish the checkpoint, and remove those that are no longer needed."""
        errors = [error for _, error in parts if error is not None]
        try:
            if errors:
                raise errors[0]
            assert draft is not None, "without one there is an error"
            write_description(draft.folder, self._key, self._step, self._total)
            draft.seal({name: entry for entries, _ in parts for name, entry in entries.items()}, self._report.add_bytes)
            prune(self._folder, KEPT)
        except Exception as error:
            log.warning("the checkpoint of step %d was not saved: %r", self._step, error)
            self._report.warn(f"the checkpoint of training step {self._step} was not saved: {error}")
            return False
        self._report.warn(None)
        return True
