"""The search for a split: how many GPUs sample, how many train, and how many would only be idle."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import NamedTuple

from cluster.simulation.case import Case
from cluster.simulation.inputs.planned import Planned
from cluster.simulation.simulate import Outcome, simulate

SEARCHED_ROUNDS = 24
"""Rounds of rollouts, one in each slot, that an iteration has in a simulation of the search, if it has that many."""
FINAL_ROUNDS = 48
"""The same for the split that was chosen."""
_LEAST_SAMPLERS = 3
TOLERANCE = 0.02
"""A split that is slower by no more than this share is as good, if it needs fewer GPUs."""
_SHRINK = 0.85
_ALWAYS = 0.95  # in use for so much of the time: it is what the others wait for
_SEARCHED_ITERATIONS = 4


class NoSplitError(ValueError):
    """There is no split: the GPUs are too few or too small for an engine and a learner."""


@dataclass(frozen=True, slots=True)
class Split:
    """GPUs divided into samplers and ranks, and what a simulation says of it.

    Simulated was a `share` of the samplers, in iterations of a share `length`.
    """

    gpus: int
    samplers: int
    ranks: int
    used_gpus: int
    outcome: Outcome
    share: float
    length: float

    @property
    def iteration_s(self) -> float:
        """Seconds of an iteration."""
        return self.outcome.iteration_s / self.length

    @property
    def tokens_per_s(self) -> float:
        """Training tokens sampled per second, by all samplers."""
        return self.outcome.tokens_per_s / self.share

    @property
    def gpu_hours(self) -> float:
        """GPU hours of an iteration, those of idle parts included, those of GPUs that are not used excluded."""
        return self.used_gpus * self.iteration_s / 3600

    @property
    def limited_by(self) -> str:
        """What an iteration waits for most, in words: "last rollouts" are those that end when most places are empty."""
        if self.outcome.learner_utilization >= _ALWAYS:
            return "training"
        if self.outcome.case.lead == 0:
            return "taking turns"
        if self.outcome.engine_utilization >= _ALWAYS / 2:
            return "sampling"
        return "last rollouts"


class Slice(NamedTuple):
    """A simulated part of a case: its outcome, and its share of the samplers and of an iteration's length."""

    outcome: Outcome
    share: float
    length: float


def simulate_slice(case: Case, rounds: int) -> Slice:
    """Simulate as small a part of a case as behaves like the whole, so that its size costs nothing."""
    slots = case.samplers.slots
    per_sampler = case.rollouts / case.samplers.count
    length = min(1.0, rounds * slots / per_sampler)
    enough = max(_LEAST_SAMPLERS, ceil(rounds * slots / (per_sampler * length))) if length == 1.0 else 1
    count = min(case.samplers.count, enough)
    share = count / case.samplers.count
    return Slice(simulate(case.slice(share).shorten(length)), share, length)


def split_of(planned: Planned, gpus: int, samplers: int, ranks: int, rounds: int = FINAL_ROUNDS) -> Split:
    """The simulated outcome of a given split."""
    outcome, share, length = simulate_slice(planned.case(samplers, ranks), rounds)
    used = samplers * planned.gpus_per_sampler + ranks
    return Split(gpus, samplers, ranks, used, outcome, share, length)


def choose_split(planned: Planned, gpus: int) -> Split:
    """The fastest split; of those that are as fast, the one with the fewest GPUs.

    Raises:
        NoSplitError: no split fits.
        EngineDoesNotFitError: an engine does not fit on its GPUs.
    """
    brief = replace(planned, iterations=min(planned.iterations, _SEARCHED_ITERATIONS))
    tried, limit_s = [], float("inf")
    for ranks in reversed(_rank_numbers(planned, gpus)):
        if planned.train_s(ranks) > limit_s:
            break  # an iteration takes no less than its training, and with fewer ranks that takes longer still
        tried.append(_full(brief, gpus, ranks))
        limit_s = min(limit_s, tried[-1].iteration_s * (1 + TOLERANCE))
    as_fast = [_without_idle(brief, split, limit_s) for split in tried if split.iteration_s <= limit_s]
    best = min(as_fast, key=lambda split: (split.used_gpus, split.iteration_s))
    return split_of(planned, gpus, best.samplers, best.ranks)


def _full(planned: Planned, gpus: int, ranks: int) -> Split:
    return split_of(planned, gpus, (gpus - ranks) // planned.gpus_per_sampler, ranks, SEARCHED_ROUNDS)


def _rank_numbers(planned: Planned, gpus: int) -> Sequence[int]:
    """Numbers of ranks worth a simulation: they fit, and each trains faster than any smaller number."""
    most = gpus - planned.gpus_per_sampler
    numbers = [n for n in (*range(1, 8), *(8 * k for k in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64))) if n <= most]
    worth: list[int] = []
    for ranks in numbers:
        if not planned.fits_ranks(ranks):
            continue
        if not worth or planned.train_s(ranks) < planned.train_s(worth[-1]) * (1 - TOLERANCE):
            worth.append(ranks)
    if not worth:
        raise NoSplitError(
            f"{gpus} {planned.gpu.name} do not hold a learner of {planned.shape.name} beside a sampler: use more of "
            "them, a larger --gpu, learner.zero_stage = 3, or gradient_checkpointing"
        )
    return worth


def _without_idle(planned: Planned, split: Split, limit_s: float) -> Split:
    """The split with the fewest samplers that is as fast: a binary search over numbers that shrink by steps."""
    numbers = _shrinking(split.samplers)
    best, low, high = split, 1, len(numbers) - 1
    while low <= high:
        middle = (low + high) // 2
        tried = split_of(planned, split.gpus, numbers[middle], split.ranks, SEARCHED_ROUNDS)
        if tried.iteration_s <= limit_s:
            best, low = tried, middle + 1
        else:
            high = middle - 1
    return best


def _shrinking(samplers: int) -> Sequence[int]:
    numbers = [samplers]
    while numbers[-1] > 1:
        numbers.append(min(numbers[-1] - 1, ceil(numbers[-1] * _SHRINK)))
    return numbers
