"""The weights of a policy as safetensors files, hashed while they are written.

The format: the length of a JSON header in 8 bytes, the header, which names each tensor's type, shape and place, then
the tensors (https://github.com/huggingface/safetensors#format).
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from learner.publication.files import HashingWriter
from store.artifacts.manifest import FileEntry, OnBytes

_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
_ALIGNMENT = 8  # bytes, of the first tensor


@contextmanager
def weights_hashed(folder: Path, entries: dict[str, FileEntry], on_bytes: OnBytes) -> Iterator[None]:
    """Within this context, `save_pretrained` to `folder` writes its weights with `write_safetensors`.

    transformers decides as ever what belongs into which file. Its own writer reports nothing, never releases the
    interpreter's lock and leaves the hash to a second reading.
    """
    from transformers import modeling_utils

    def save_file(
        tensors: Mapping[str, torch.Tensor], filename: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        path = Path(filename)
        entries[path.relative_to(folder).as_posix()] = write_safetensors(tensors, path, metadata, on_bytes)

    original: Any = modeling_utils.safe_save_file
    modeling_utils.safe_save_file = save_file
    try:
        yield
    finally:
        modeling_utils.safe_save_file = original


def write_safetensors(
    tensors: Mapping[str, torch.Tensor], path: Path, metadata: Mapping[str, str] | None, on_bytes: OnBytes
) -> FileEntry:
    """Write `tensors` to a new file; returns its entry.

    Raises:
        OSError: the file could not be written.
        ValueError: a tensor has a type that the format does not know.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))  # keeps every tensor aligned
    with HashingWriter(path, on_bytes) as file:
        file.write(_header(tensors, names, metadata))
        for name in names:
            file.write(_bytes_of(tensors[name]))
    assert file.entry is not None
    return file.entry


def _header(tensors: Mapping[str, torch.Tensor], names: list[str], metadata: Mapping[str, str] | None) -> bytes:
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    start = 0
    for name in names:
        tensor = tensors[name]
        if tensor.dtype not in _DTYPES:
            raise ValueError(f"{name} has the type {tensor.dtype}, which a policy cannot have")
        end = start + tensor.nbytes
        header[name] = {"dtype": _DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [start, end]}
        start = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _bytes_of(tensor: torch.Tensor) -> bytes | memoryview:
    if tensor.numel() == 0:
        return b""
    host = tensor.detach().cpu().contiguous()
    return memoryview(host.reshape(-1).view(torch.uint8).numpy())
