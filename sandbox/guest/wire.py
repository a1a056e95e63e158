"""Frames between the host and a session: four bytes of length, big-endian, then JSON in UTF-8."""

import json
import os
import struct
from typing import Any

HEADER = struct.Struct(">I")


def encode(message: dict[str, Any]) -> bytes:
    """The frame of `message`. Lone surrogates are kept as JSON escapes."""
    body = json.dumps(message).encode("ascii")
    return HEADER.pack(len(body)) + body


def read(fd: int) -> dict[str, Any] | None:
    """Read the next frame from the blocking `fd`; None at its end."""
    header = _read_exactly(fd, HEADER.size)
    if header is None:
        return None
    body = _read_exactly(fd, HEADER.unpack(header)[0])
    if body is None:
        return None
    message: dict[str, Any] = json.loads(body.decode())  # bytes would have their encoding guessed
    return message


def write(fd: int, message: dict[str, Any]) -> None:
    """Write one whole frame to the blocking `fd`."""
    rest = memoryview(encode(message))
    while rest:
        rest = rest[os.write(fd, rest) :]


def _read_exactly(fd: int, count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(fd, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
