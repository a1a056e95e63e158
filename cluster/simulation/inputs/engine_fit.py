"""The speed of an engine by the number of its sequences, fitted to what rollouts of a run took."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster.simulation.case import DecodeSpeed, step_times

type Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stay:
    """A rollout as an engine saw it: from when to when it was under way, and for how long in the engine."""

    began_at: float
    ended_at: float
    engine_s: float
    tokens: float


class Occupancy:
    """How many sequences the engines of a run held at each moment.

    When a rollout was in the engine is not stored, only for how long. So it counts for that share of its whole time.
    """

    def __init__(self, stays: Sequence[Stay]) -> None:
        began = np.array([stay.began_at for stay in stays])
        ended = np.array([stay.ended_at for stay in stays])
        weight = np.array([stay.engine_s for stay in stays]) / np.maximum(ended - began, 1e-9)
        times = np.concatenate([began, ended])
        order = np.argsort(times, kind="stable")
        self._times: Floats = times[order]
        self._held: Floats = np.cumsum(np.concatenate([weight, -weight])[order])
        self._integral: Floats = np.concatenate([[0.0], np.cumsum(self._held[:-1] * np.diff(self._times))])

    def mean(self, began: Floats, ended: Floats) -> Floats:
        """The mean number of sequences in each span of time."""
        total = np.interp(ended, self._times, self._integral) - np.interp(began, self._times, self._integral)
        means: Floats = total / np.maximum(ended - began, 1e-9)
        return means

    def capped_integral(self, began_at: float, ended_at: float, places: float) -> float:
        """Seconds of places that were taken in a span of time, with no more than `places` at a time."""
        edges = np.clip(self._times, began_at, ended_at)
        return float(np.sum(np.minimum(np.maximum(self._held[:-1], 0.0), places) * np.diff(edges)))


def fit_decode_speed(stays: Sequence[Stay], occupancy: Occupancy, samplers: int, places: int) -> DecodeSpeed:
    """Fit a step of n sequences to a + b n seconds, neither of them negative.

    A rollout beyond the engine's places waits for one, which is part of its time in the engine: both are set off
    against each other. The fit is then scaled to give all rollouts together the time that they took.
    """
    began, ended, engine_s, tokens = (
        np.array([getattr(stay, name) for stay in stays]) for name in ("began_at", "ended_at", "engine_s", "tokens")
    )
    held = np.maximum(occupancy.mean(began, ended) / samplers, 1.0)
    running_share = np.minimum(1.0, places / held)
    running, per_token = np.minimum(held, places), engine_s / tokens * running_share
    fixed_s, each_s = _fit_line(running, per_token, tokens)
    fitted_s = float(np.sum(tokens * (fixed_s + each_s * running)))
    scale = float(np.sum(engine_s * running_share)) / fitted_s
    return DecodeSpeed(step_times(places, [scale * (fixed_s + each_s * n) for n in range(1, places + 1)]))


def _fit_line(x: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """(intercept, slope) of the weighted least squares with neither below 0."""
    mean_x, mean_y = np.average(x, weights=weight), np.average(y, weights=weight)
    variance = np.average((x - mean_x) ** 2, weights=weight)
    slope = 0.0 if variance == 0 else float(np.average((x - mean_x) * (y - mean_y), weights=weight) / variance)
    intercept = float(mean_y - slope * mean_x)
    if slope < 0:
        return float(mean_y), 0.0
    if intercept < 0:
        return 0.0, float(np.average(x * y, weights=weight) / np.average(x * x, weights=weight))
    return intercept, slope
