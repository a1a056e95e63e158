"""The files of a published policy: checked by header, size and checksum before an engine may load them."""

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from store.artifacts.folder import read_manifest
from store.artifacts.manifest import FileEntry, checksum_of
from store.records import PolicyPointer

GIB = 1 << 30

_CHUNK_BYTES = 8 << 20

type Shapes = Mapping[str, tuple[int, ...]]


class UnusablePolicyError(ValueError):
    """A folder is not a whole policy that fits the engine."""


def size_bytes(folder: Path) -> int:
    """The size of a policy's weights, 0 without any."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))


def tensor_shapes(folder: Path) -> Shapes:
    """Names and shapes of a policy's tensors, read from the safetensors headers (8 bytes of length, then JSON).

    Raises:
        UnusablePolicyError: there are no weights, or a file is truncated or no safetensors file.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        for path in sorted(folder.glob("*.safetensors")):
            shapes.update((name, tuple(spec["shape"])) for name, spec in _read_header(path).items())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnusablePolicyError(f"the policy in {folder} cannot be read: {error}") from error
    if not shapes:
        raise UnusablePolicyError(f"{folder} has no *.safetensors files: it is not a published policy")
    return shapes


def require_same_shapes(loaded: Shapes, new: Shapes, folder: Path) -> None:
    """Raise UnusablePolicyError if the policy in `folder` has other tensors than the loaded one."""
    if loaded != new:
        differing = sorted({name for name, _ in loaded.items() ^ new.items()})
        raise UnusablePolicyError(
            f"the policy in {folder} differs in shape from the running model: {', '.join(differing[:3])}"
        )


def read_policy(policy: PolicyPointer, on_bytes: Callable[[int], None]) -> None:
    """Read all files of a policy, so that they are in the page cache, and compare them with the manifest.

    A folder without a manifest, which earlier versions published, is only read.

    Args:
        policy: The policy; a checksum of it that is known must be that of the manifest.
        on_bytes: Called with the number of bytes after each piece. An exception that it raises ends the reading.

    Raises:
        UnusablePolicyError: a file is missing, or its size or content differs.
    """
    folder = Path(policy.path)
    try:
        files = _manifest(folder)
        _require_checksum(policy, files)
        for name, entry in files.items():
            _require_size(folder / name, None if entry is None else entry.size_bytes)
        for name, entry in files.items():
            _require_content(folder / name, None if entry is None else entry.sha256, on_bytes)
    except UnusablePolicyError:
        raise
    except (OSError, ValueError) as error:
        raise UnusablePolicyError(f"the policy in {folder} cannot be read: {error}") from error


def _manifest(folder: Path) -> Mapping[str, FileEntry | None]:
    try:
        return read_manifest(folder)
    except FileNotFoundError:
        return {found.name: None for found in sorted(folder.glob("*.safetensors"))}


def _require_checksum(policy: PolicyPointer, files: Mapping[str, FileEntry | None]) -> None:
    entries = {name: entry for name, entry in files.items() if entry is not None}
    if policy.checksum is None or len(entries) < len(files):
        return
    if checksum_of(entries) != policy.checksum:
        raise UnusablePolicyError(
            f"the checksum of {policy.path} is not the one that the store has for policy {policy.version}"
        )


def _require_size(path: Path, expected: int | None) -> None:
    size = path.stat().st_size
    if expected is not None and size != expected:
        raise UnusablePolicyError(f"{path} is truncated: it has {size} bytes, and the manifest says {expected}")


def _require_content(path: Path, expected: str | None, on_bytes: Callable[[int], None]) -> None:
    digest, buffer = hashlib.sha256(), bytearray(_CHUNK_BYTES)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            if expected is not None:
                digest.update(memoryview(buffer)[:count])
            on_bytes(count)
    if expected is not None and digest.hexdigest() != expected:
        raise UnusablePolicyError(f"{path} is corrupted: its sha256 is not the one in the manifest")


def _read_header(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        header_bytes = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else size
        if 8 + header_bytes > size:
            raise ValueError(f"{path.name} is truncated or not a safetensors file")
        header = json.loads(file.read(header_bytes))
    tensors = {name: spec for name, spec in header.items() if name != "__metadata__"}
    end_bytes = 8 + header_bytes + max((spec["data_offsets"][1] for spec in tensors.values()), default=0)
    if end_bytes != size:
        raise ValueError(f"{path.name} is truncated: it has {size} bytes, and its header describes {end_bytes}")
    return tensors
