"""Token ids, masks, spans and texts as compressed bytes: a rollout of 300 tokens takes about 1.3 kilobytes.

What an execution says mostly stands in its rollout's segments too. So its body is compressed with the segments as
dictionary, which leaves a fifth of it. Bodies that older versions wrote without one are read all the same.
"""

import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from store.records import ExecutionRecord, PolicySpan, Segment, SegmentKind

_LEVEL = 1
# ASCII escapes carry what UTF-8 cannot: half a surrogate pair in a text that was cut.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)
_SHORT = b"\x02"  # no zlib stream begins so


def pack_ids(ids: Sequence[int]) -> bytes:
    """Token ids. Those of a large vocabulary as uint32, compressed.

    Those of a small one as uint16 behind a mark and a checksum: compressing would hardly shorten them, and was a tenth
    of the time that a rollout took.
    """
    try:
        words = struct.pack(f"<{len(ids)}H", *ids)
    except struct.error:  # one is too large
        return compress(struct.pack(f"<{len(ids)}I", *ids))
    return _SHORT + zlib.crc32(words).to_bytes(4, "little") + words


def unpack_ids(packed: bytes) -> tuple[int, ...]:
    """The inverse of `pack_ids`. Raises ValueError or zlib.error if the bytes were changed."""
    if packed.startswith(_SHORT):
        checksum, words = packed[1:5], packed[5:]
        if zlib.crc32(words).to_bytes(4, "little") != checksum:
            raise ValueError("the checksum of its token ids is wrong")
        return tuple(np.frombuffer(words, dtype="<u2").tolist())
    return tuple(np.frombuffer(decompress(packed), dtype="<u4").tolist())


def pack_mask(mask: Sequence[bool]) -> bytes:
    """One bit a token."""
    return np.packbits(np.frombuffer(bytes(mask), dtype=np.uint8)).tobytes()


def unpack_mask(packed: bytes, tokens: int) -> tuple[bool, ...]:
    """The inverse of `pack_mask`, given the number of tokens."""
    return tuple(np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=tokens).astype(bool).tolist())


def pack_spans(spans: Sequence[PolicySpan]) -> bytes:
    """(version, start, end) for each span, as little-endian uint32."""
    return np.array([(span.version, span.start, span.end) for span in spans], dtype="<u4").tobytes()


def unpack_spans(packed: bytes) -> tuple[PolicySpan, ...]:
    """The inverse of `pack_spans`."""
    return tuple(PolicySpan(*span) for span in np.frombuffer(packed, dtype="<u4").reshape(-1, 3).tolist())


def segments_json(segments: Sequence[Segment]) -> bytes:
    """(kind, text) for each segment: what is compressed, and the dictionary of the rollout's executions."""
    return _json([[segment.kind.value, segment.text] for segment in segments])


def unpack_segments(segments: bytes) -> tuple[Segment, ...]:
    """The inverse of `segments_json`."""
    return tuple(Segment(SegmentKind(kind), text) for kind, text in json.loads(segments))


def pack_execution(execution: ExecutionRecord, segments: bytes) -> bytes:
    """The texts of an execution; its status and seconds are columns. `segments`: the rollout's, by `segments_json`."""
    packer = zlib.compressobj(_LEVEL, zdict=segments)
    return (
        packer.compress(_json([execution.source, execution.stdout, execution.stderr, execution.value])) + packer.flush()
    )


def unpack_execution(packed: bytes, status: str, seconds: float, segments: bytes) -> ExecutionRecord:
    """The inverse of `pack_execution`."""
    unpacker = zlib.decompressobj(zdict=segments)
    source, stdout, stderr, value = json.loads(unpacker.decompress(packed) + unpacker.flush())
    return ExecutionRecord(status, source, stdout, stderr, value, seconds)


def compress(plain: bytes) -> bytes:
    """Deflated; texts this short gain a few per cent at most from a higher level, at three times the cost."""
    return zlib.compress(plain, _LEVEL)


def decompress(packed: bytes) -> bytes:
    """The inverse of `compress`."""
    return zlib.decompress(packed)


def _json(value: Any) -> bytes:
    return _ENCODER.encode(value).encode("ascii")
