"""DeepSpeed's shards, written from a copy in host memory while the training goes on, hashed while they are written."""

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from learner.publication.files import HashingWriter, ReportingReader
from store.artifacts.manifest import FileEntry, OnBytes, no_report


class ShardFiles:
    """The files of one rank's shards. `copies`: a save copies to host memory, and `write_copies` writes the files.

    A save never raises, because the other ranks would wait in vain for the one that failed; `write_copies` does.
    """

    def __init__(self, copies: bool, on_bytes: OnBytes = no_report) -> None:
        self.entries: dict[Path, FileEntry] = {}
        self._copies = copies
        self._on_bytes = on_bytes
        self._pending: list[tuple[Any, Path]] = []
        self._error: OSError | None = None

    def make_folder(self, path: Path) -> None:
        """Create a folder for files."""
        with self._errors_kept():
            path.mkdir(parents=True, exist_ok=True)

    def save(self, state: Any, path: Path) -> None:
        """Save an object with tensors to `path`, at once or when `write_copies` is called."""
        if self._copies:
            self._pending.append((host_copy(state), path))
        else:
            with self._errors_kept():
                self._write(state, path)

    def write_copies(self) -> None:
        """Write what was copied. Raises the `OSError` of this or of an earlier write."""
        if self._error is not None:
            raise self._error
        while self._pending:
            self._write(*self._pending.pop(0))

    def load(self, path: Path, map_location: Any) -> Any:
        """Load what was saved to `path`."""
        with ReportingReader(path, self._on_bytes) as file:
            return torch.load(file, map_location=map_location, weights_only=False)

    @contextmanager
    def _errors_kept(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self._error = self._error or error

    def _write(self, state: Any, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)  # DeepSpeed has rank 0 do it, for all that share the folder
        with HashingWriter(path, self._on_bytes) as file:
            torch.save(state, file)
        assert file.entry is not None
        self.entries[path] = file.entry


def storage_for(files: ShardFiles) -> Any:
    """`files` as DeepSpeed's own checkpoint engine, through which it saves and loads."""
    from deepspeed.runtime.checkpoint_engine import TorchCheckpointEngine

    class Storage(TorchCheckpointEngine):
        def save(self, state_dict: Any, path: str) -> None:
            files.save(state_dict, Path(path))

        def load(self, path: str, map_location: Any = None) -> Any:
            return files.load(Path(path), map_location)

        def makedirs(self, path: str, **_: Any) -> None:
            files.make_folder(Path(path))

    return Storage()


def host_copy(value: Any) -> Any:
    """A deep copy of nested containers with their tensors in host memory; tensors that share memory share a copy."""
    return _host_copy(value, {})


def _host_copy(value: Any, known: dict[tuple[Any, ...], torch.Tensor]) -> Any:
    if isinstance(value, torch.Tensor):
        key = (value.data_ptr(), value.dtype, tuple(value.shape), value.stride())
        if value.numel() == 0 or key not in known:
            known[key] = value.detach().to("cpu", copy=True)
        return known[key]
    if isinstance(value, dict):
        return _filled(copy.copy(value), value.items(), known)
    if type(value) in (list, tuple):
        return type(value)(_host_copy(item, known) for item in value)
    return value


def _filled(
    target: dict[Any, Any], items: Iterable[tuple[Any, Any]], known: dict[tuple[Any, ...], torch.Tensor]
) -> Any:
    for key, item in list(items):
        target[key] = _host_copy(item, known)
    return target
