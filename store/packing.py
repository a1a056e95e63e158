"""Token ids, masks, spans and texts as compressed bytes: a rollout of 500 tokens takes about a kilobyte."""

import json
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from store.records import ExecutionRecord, PolicySpan, Segment, SegmentKind

_LEVEL = 1  # higher levels cost three times as much and save a few per cent on texts this short


def pack_ids(ids: Sequence[int]) -> bytes:
    """Token ids as little-endian uint32, compressed."""
    return zlib.compress(np.array(ids, dtype="<u4").tobytes(), _LEVEL)


def unpack_ids(packed: bytes) -> tuple[int, ...]:
    """The inverse of `pack_ids`."""
    return tuple(np.frombuffer(zlib.decompress(packed), dtype="<u4").tolist())


def pack_mask(mask: Sequence[bool]) -> bytes:
    """One bit a token."""
    return np.packbits(np.array(mask, dtype=bool)).tobytes()


def unpack_mask(packed: bytes, tokens: int) -> tuple[bool, ...]:
    """The inverse of `pack_mask`, given the number of tokens."""
    return tuple(np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=tokens).astype(bool).tolist())


def pack_spans(spans: Sequence[PolicySpan]) -> bytes:
    """(version, start, end) for each span, as little-endian uint32."""
    return np.array([(span.version, span.start, span.end) for span in spans], dtype="<u4").tobytes()


def unpack_spans(packed: bytes) -> tuple[PolicySpan, ...]:
    """The inverse of `pack_spans`."""
    return tuple(PolicySpan(*span) for span in np.frombuffer(packed, dtype="<u4").reshape(-1, 3).tolist())


def pack_segments(segments: Sequence[Segment]) -> bytes:
    """(kind, text) for each segment."""
    return _pack_json([[segment.kind.value, segment.text] for segment in segments])


def unpack_segments(packed: bytes) -> tuple[Segment, ...]:
    """The inverse of `pack_segments`."""
    return tuple(Segment(SegmentKind(kind), text) for kind, text in _unpack_json(packed))


def pack_execution(execution: ExecutionRecord) -> bytes:
    """The texts of an execution; its status and seconds are columns."""
    return _pack_json([execution.source, execution.stdout, execution.stderr, execution.value])


def unpack_execution(packed: bytes, status: str, seconds: float) -> ExecutionRecord:
    """The inverse of `pack_execution`."""
    source, stdout, stderr, value = _unpack_json(packed)
    return ExecutionRecord(status, source, stdout, stderr, value, seconds)


def _pack_json(value: Any) -> bytes:
    # ASCII escapes carry what UTF-8 cannot: half a surrogate pair in a text that was cut.
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode("ascii"), _LEVEL)


def _unpack_json(packed: bytes) -> Any:
    return json.loads(zlib.decompress(packed))
