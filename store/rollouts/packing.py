"""Token ids, masks, log-probabilities, spans and texts as bytes: a rollout of 300 tokens takes about 1.8 kilobytes.

The texts of an execution mostly repeat its rollout's segments. So its body is compressed with the segments as the
dictionary, to a fifth of its size. Bodies that older versions wrote without a dictionary can still be read.
"""

import json
import math
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from store.records import ExecutionRecord, PolicySpan, Segment, SegmentKind

_LEVEL = 1
# ASCII escapes can represent what UTF-8 cannot: an unpaired surrogate in a text that was cut.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True)
_UINT16 = b"\x02"  # the mark of uint16 ids; no zlib stream begins with it


def pack_ids(ids: Sequence[int]) -> bytes:
    """Token ids as bytes: compressed uint32 for a large vocabulary, else uint16 after a mark and a checksum.

    Compression would hardly shorten the uint16 form, and took a tenth of the time of writing a rollout.
    """
    try:
        words = struct.pack(f"<{len(ids)}H", *ids)
    except struct.error:  # an id is too large
        return compress(struct.pack(f"<{len(ids)}I", *ids))
    return _UINT16 + zlib.crc32(words).to_bytes(4, "little") + words


def unpack_ids(packed: bytes) -> tuple[int, ...]:
    """The inverse of `pack_ids`. Raises ValueError or zlib.error if the bytes are corrupted."""
    if packed.startswith(_UINT16):
        checksum, words = packed[1:5], packed[5:]
        if zlib.crc32(words).to_bytes(4, "little") != checksum:
            raise ValueError("the checksum of its token ids is wrong")
        return tuple(np.frombuffer(words, dtype="<u2").tolist())
    return tuple(np.frombuffer(decompress(packed), dtype="<u4").tolist())


def pack_mask(mask: Sequence[bool]) -> bytes:
    """A mask with one bit per token."""
    return np.packbits(np.frombuffer(bytes(mask), dtype=np.uint8)).tobytes()


def unpack_mask(packed: bytes, tokens: int) -> tuple[bool, ...]:
    """The inverse of `pack_mask`, given the number of tokens."""
    return tuple(np.unpackbits(np.frombuffer(packed, dtype=np.uint8), count=tokens).astype(bool).tolist())


def pack_logprobs(logprobs: Sequence[float], mask: Sequence[bool]) -> bytes:
    """The log-probabilities of the tokens that the policy wrote, as float16 after a checksum.

    float16 keeps three digits of a number of this size; compression would hardly shorten what is left.
    """
    values = np.array(logprobs, dtype=np.float64)[np.array(mask, dtype=bool)]
    with np.errstate(over="ignore"):  # beyond -65504 a probability is 0 as well
        halves = values.astype("<f2").tobytes()
    return zlib.crc32(halves).to_bytes(4, "little") + halves


def unpack_logprobs(packed: bytes, mask: Sequence[bool]) -> tuple[float, ...]:
    """The inverse of `pack_logprobs`: a number for each token, NaN where the policy did not write it.

    Raises ValueError if the bytes are corrupted.
    """
    checksum, halves = packed[:4], packed[4:]
    if zlib.crc32(halves).to_bytes(4, "little") != checksum:
        raise ValueError("the checksum of its log-probabilities is wrong")
    values = np.frombuffer(halves, dtype="<f2").tolist()
    if len(values) != sum(mask):
        raise ValueError(f"it has {len(values)} log-probabilities for {sum(mask)} tokens of the policy")
    found = iter(values)
    return tuple(next(found) if by_policy else math.nan for by_policy in mask)


def pack_spans(spans: Sequence[PolicySpan]) -> bytes:
    """(version, start, end) for each span, as little-endian uint32."""
    return np.array([(span.version, span.start, span.end) for span in spans], dtype="<u4").tobytes()


def unpack_spans(packed: bytes) -> tuple[PolicySpan, ...]:
    """The inverse of `pack_spans`."""
    return tuple(PolicySpan(*span) for span in np.frombuffer(packed, dtype="<u4").reshape(-1, 3).tolist())


def segments_json(segments: Sequence[Segment]) -> bytes:
    """(kind, text) of each segment as JSON; uncompressed, since it is also the dictionary of the executions."""
    return _json([[segment.kind.value, segment.text] for segment in segments])


def unpack_segments(segments: bytes) -> tuple[Segment, ...]:
    """The inverse of `segments_json`."""
    return tuple(Segment(SegmentKind(kind), text) for kind, text in json.loads(segments))


def pack_execution(execution: ExecutionRecord, segments: bytes) -> bytes:
    """The texts of an execution, whose status and seconds are columns. `segments`: the rollout's `segments_json`."""
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
    """Deflate at level 1: for texts this short, a higher level gains a few per cent at three times the cost."""
    return zlib.compress(plain, _LEVEL)


def decompress(packed: bytes) -> bytes:
    """The inverse of `compress`."""
    return zlib.decompress(packed)


def _json(value: Any) -> bytes:
    return _ENCODER.encode(value).encode("ascii")
