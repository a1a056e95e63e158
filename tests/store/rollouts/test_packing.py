"""Packed log-probabilities: properties over random ones."""

import math
import random

import numpy as np
import pytest

from store.rollouts.packing import pack_logprobs, unpack_logprobs


def rollouts(count: int) -> list[tuple[tuple[float, ...], tuple[bool, ...]]]:
    """Random log-probabilities, of all magnitudes, and masks, some of them empty or all one."""
    rng = random.Random(5)
    found = []
    for number in range(count):
        mask = tuple(rng.random() < rng.choice((0, 0.5, 1)) for _ in range(number % 60))
        logprobs = tuple(-(10 ** rng.uniform(-9, 6)) if by_policy else math.nan for by_policy in mask)
        found.append((logprobs, mask))
    return found


def test_unpacking_returns_what_float16_keeps_of_each_number() -> None:
    for logprobs, mask in rollouts(600):
        unpacked = unpack_logprobs(pack_logprobs(logprobs, mask), mask)
        with np.errstate(over="ignore"):
            expected = np.array(logprobs, dtype=np.float64).astype(np.float16)
        np.testing.assert_array_equal(np.array(unpacked, dtype=np.float16), expected)


def test_packing_again_changes_nothing() -> None:
    for logprobs, mask in rollouts(600):
        packed = pack_logprobs(logprobs, mask)
        assert pack_logprobs(unpack_logprobs(packed, mask), mask) == packed


def test_a_number_takes_two_bytes() -> None:
    for logprobs, mask in rollouts(60):
        assert len(pack_logprobs(logprobs, mask)) == 4 + 2 * sum(mask)


def test_probabilities_of_likely_tokens_keep_three_digits() -> None:
    mask = (True,) * 1000
    logprobs = tuple(-(10 ** random.Random(n).uniform(-4, 1)) for n in range(1000))
    unpacked = unpack_logprobs(pack_logprobs(logprobs, mask), mask)
    assert max(abs(a / b - 1) for a, b in zip(unpacked, logprobs, strict=True)) < 5e-4


def test_every_flipped_bit_is_found() -> None:
    mask = (True, False, True)
    packed = pack_logprobs((-0.5, math.nan, -2.0), mask)
    for bit in range(8 * len(packed)):
        damaged = bytearray(packed)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match="checksum of its log-probabilities"):
            unpack_logprobs(bytes(damaged), mask)


def test_numbers_for_another_mask_are_refused() -> None:
    packed = pack_logprobs((-0.5, -1.0), (True, True))
    with pytest.raises(ValueError, match="2 log-probabilities for 1 tokens of the policy"):
        unpack_logprobs(packed, (True, False))
