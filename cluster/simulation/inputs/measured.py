"""What a finished run measured, read from its store: rollouts, engine, training, publication, swaps, evaluations."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil
from random import Random
from statistics import fmean, median

from cluster.config.run_config import RunConfig
from cluster.simulation.case import POLL_S, Case, DecodeSpeed, Learner, Measuring, Shape
from cluster.simulation.inputs.engine_fit import Occupancy, Stay, fit_decode_speed
from cluster.simulation.inputs.planned import measuring_of, samplers_of
from cluster.simulation.parts.host import speed_of
from cluster.simulation.simulate import steady
from store.records import Purpose
from store.rollouts.timings import Timing
from store.store import Store

_ENGINE_CORES = 1.7
"""What a busy engine on a CPU, its sampler and its sandbox use together: docs/results.md, "cores used"."""
_LEAST_SHARE = 0.9
_UNLIMITED = 100_000  # cores of a sandbox whose queue is part of the measured seconds


class TooLittleMeasuredError(ValueError):
    """A run that is too short, or was pruned too much, to be simulated. The message has the numbers."""


@dataclass(frozen=True, slots=True)
class IterationTimes:
    """One iteration: when its policy was published, and the seconds of training and publishing it."""

    number: int
    scheduled: int
    version: int
    published_at: float
    learn_s: float
    publish_s: float


@dataclass(frozen=True, slots=True)
class Figures:
    """What a run was in its stride, as `cluster.simulation.simulate.Outcome`."""

    iteration_s: float
    tokens_per_s: float
    engine_utilization: float
    learner_utilization: float


class MeasuredRollouts:
    """Draws from the training rollouts of a run."""

    def __init__(self, shapes: Sequence[Shape]) -> None:
        self._shapes = shapes

    def draw(self, rng: Random) -> Shape:
        """One of them."""
        return self._shapes[int(rng.random() * len(self._shapes))]


@dataclass(frozen=True)
class Measured:
    """The measurements of a run with the settings `config`."""

    config: RunConfig
    timings: Sequence[Timing]
    iterations: Sequence[IterationTimes]

    @property
    def samplers(self) -> int:
        """Its number of samplers."""
        return self.config.sampler.num_samplers

    @cached_property
    def workload(self) -> MeasuredRollouts:
        """Its training rollouts."""
        return MeasuredRollouts([_shape(one) for one in self._in_stride if one.purpose is Purpose.TRAIN])

    @cached_property
    def figures(self) -> Figures:
        """What it was in its stride."""
        window = steady(self.iterations, self.config.iteration.lead)
        first, last = window[0].published_at, window[-1].published_at
        elapsed_s, places = last - first, self.samplers * self._places
        tokens = sum(sum(timing.turns) for timing in self._training if first < timing.written_at <= last)
        busy_s = sum(one.learn_s + one.publish_s for one in window[1:])
        return Figures(
            iteration_s=elapsed_s / (len(window) - 1),
            tokens_per_s=tokens / elapsed_s,
            engine_utilization=self._occupancy.capped_integral(first, last, places) / (elapsed_s * places),
            learner_utilization=busy_s / elapsed_s,
        )

    def case(self, config: RunConfig, samplers: int | None = None, iterations: int | None = None) -> Case:
        """The case of a run with the settings `config`, on the same machine or, with GPUs, as many as it needs."""
        samplers = samplers or config.sampler.num_samplers
        host_cores = None if config.sampler.gpus_per_sampler else len(os.sched_getaffinity(0))
        loads = self._loads(host_cores)
        own = self.config.iteration
        scheduled = ceil(fmean(one.scheduled for one in self.iterations) / own.samples_per_problem)
        return Case(
            samplers=replace(
                samplers_of(config),
                count=samplers,
                speed=self._speed(speed_of(host_cores, loads.while_sampling)),
                sandbox_cores=_UNLIMITED,
                pause_s=self._swap_s,
                cores=loads.engine,
            ),
            learner=Learner(
                ranks=config.learner.num_ranks,
                train_s=tuple(one.learn_s * speed_of(host_cores, loads.while_training) for one in self._trainings),
                select_s=self._select_s,
                publish_s=fmean(one.publish_s for one in self._trainings),
                checkpoint_every_s=config.learner.checkpoint_every_s,
                cores=loads.learner,
            ),
            workload=self.workload,
            problems=scheduled if config.iteration.problems == own.problems else config.iteration.problems,
            samples_per_problem=config.iteration.samples_per_problem,
            iterations=iterations or len(self.iterations),
            lead=config.iteration.lead,
            quorum=config.iteration.required_quorum,
            measuring=self._measuring(config),
            host_cores=host_cores,
            seed=config.seed,
        )

    # ---------------------------------------------------------------- what was measured

    @property
    def _trainings(self) -> Sequence[IterationTimes]:
        """Those in stride: the last ones of a run with a lead have the host to themselves, as nothing is sampled."""
        return steady(self.iterations, self.config.iteration.lead)[1:]

    @cached_property
    def _training(self) -> Sequence[Timing]:
        return [timing for timing in self.timings if timing.purpose is Purpose.TRAIN]

    @property
    def _places(self) -> int:
        return self.config.sampler.engine.max_concurrent_rollouts

    @cached_property
    def _in_stride(self) -> Sequence[Timing]:
        """Those after the first publication: before it, samplers and learner were still starting."""
        first = self.iterations[0].published_at
        return [one for one in self.timings if one.turns and one.written_at > first]

    @cached_property
    def _stays(self) -> Sequence[Stay]:
        return [Stay(self._began_at(one), one.written_at, _engine_s(one), sum(one.turns)) for one in self._in_stride]

    @cached_property
    def _occupancy(self) -> Occupancy:
        return Occupancy(self._stays)

    def _began_at(self, timing: Timing) -> float:
        """It was written half an interval of writing after its end, on average."""
        return timing.written_at - timing.seconds - self.config.sampler.write_interval_s / 2

    def _speed(self, host_speed: float) -> DecodeSpeed:
        """The fitted speed, as if an engine had the host to itself."""
        fitted = fit_decode_speed(self._stays, self._occupancy, self.samplers, self._places)
        return DecodeSpeed(tuple(step_s * host_speed for step_s in fitted.step_s))

    @cached_property
    def _swap_s(self) -> float:
        """From a publication to the first attempt of its policy, less the polls of driver and sampler."""
        began = self._first_begun()
        waits = [began[one.version] - one.published_at for one in self.iterations if one.version in began]
        return max(0.0, median(waits) - POLL_S) if waits else 0.0

    def _first_begun(self) -> Mapping[int, float]:
        """When the first evaluation attempt of each policy began: it is sampled by that policy from its start."""
        began: dict[int, float] = {}
        for timing in self.timings:
            if timing.purpose is Purpose.EVAL and timing.policy_version is not None:
                at = self._began_at(timing)
                began[timing.policy_version] = min(at, began.get(timing.policy_version, at))
        return began

    @cached_property
    def _select_s(self) -> float:
        """From the quorum, or the publication before it, to the start of a training, less the driver's poll."""
        waits = []
        for before, one in zip(self.iterations, self.iterations[1:], strict=False):
            written = sorted(timing.written_at for timing in self._training if timing.iteration == one.number)
            quorum = ceil(self.config.iteration.required_quorum * one.scheduled)
            ready_at = max(before.published_at, written[min(quorum, len(written)) - 1])
            waits.append(one.published_at - ready_at - one.learn_s - one.publish_s - POLL_S / 2)
        return max(0.0, fmean(waits))

    @cached_property
    def _measured(self) -> Mapping[int | None, int]:
        """Greedy held-out attempts of each policy. Those with a temperature are scheduled by the settings."""
        counts = Counter(timing.policy_version for timing in self.timings if timing.purpose is Purpose.EVAL)
        evaluation = self.config.evaluation
        return {version: count - evaluation.sampled * evaluation.problems for version, count in counts.items()}

    def _measuring(self, config: RunConfig) -> Measuring:
        """As many looks as its policies had; none if it measured nothing."""
        if not self._measured:
            return Measuring()
        counts = [self._measured.get(one.version, 0) for one in self.iterations]
        undecided_share = fmean(count > self.config.evaluation.problems for count in counts)
        return measuring_of(config, undecided_share, max(self._measured.values()))

    def _loads(self, host_cores: float | None) -> "_Loads":
        if host_cores is None:
            return _Loads(0.0, 0.0, 0.0, 0.0)
        settings = self.config.learner
        learner = settings.num_ranks * settings.threads if settings.threads else host_cores
        engines = self.samplers * _ENGINE_CORES
        overlap = self.config.iteration.lead > 0
        busy = self.figures
        return _Loads(
            engine=_ENGINE_CORES,
            learner=learner,
            while_sampling=engines + overlap * min(busy.learner_utilization, 1.0) * learner,
            while_training=learner + overlap * min(busy.engine_utilization, 1.0) * engines,
        )


@dataclass(frozen=True, slots=True)
class _Loads:
    """Cores that parts could use: a busy engine, the learner, and all parts together while they were measured."""

    engine: float
    learner: float
    while_sampling: float
    while_training: float


def read_measured(store: Store, config: RunConfig) -> Measured:
    """Read the measurements of a run.

    Raises:
        TooLittleMeasuredError: it has fewer than two reported iterations, or most of its rollouts were pruned.
    """
    published_at = store.policies.published_at()
    versions = {policy.iteration: policy.version for policy in store.policies.all() if policy.iteration}
    iterations = []
    for one in store.iterations.all():
        if one.closed_at is None or one.number not in versions:
            continue
        seconds = one.metrics.get("seconds", {})
        version = versions[one.number]
        learn_s, publish_s = seconds.get("learn", 0.0), seconds.get("publish", 0.0)
        iterations.append(IterationTimes(one.number, one.scheduled, version, published_at[version], learn_s, publish_s))
    measured = Measured(config, store.rollouts.timings(), iterations)
    _require_enough(measured)
    return measured


def _require_enough(measured: Measured) -> None:
    if len(measured.iterations) < 2:
        raise TooLittleMeasuredError(
            f"the run has {len(measured.iterations)} reported iterations: a simulation needs two or more"
        )
    scheduled = sum(one.scheduled for one in measured.iterations)
    kept = sum(timing.purpose is Purpose.TRAIN for timing in measured.timings)
    if kept < _LEAST_SHARE * scheduled:
        raise TooLittleMeasuredError(
            f"{kept} of {scheduled} rollouts are in the store: a simulation needs a run without `retention`"
        )
    if not any(_engine_s(timing) for timing in measured.timings):
        raise TooLittleMeasuredError("the run's rollouts have no seconds: no engine sampled them")


def _engine_s(timing: Timing) -> float:
    """Runs of earlier versions stored no parts: all but the blocks then counts as the engine's."""
    if timing.generate_s is not None:
        return timing.generate_s
    return max(timing.seconds - sum(timing.block_s), 0.0)


def _shape(timing: Timing) -> Shape:
    """What is neither engine nor block nor check is waiting for the sandbox: it counts for the blocks."""
    check_s, pairs = timing.check_s or 0.0, min(len(timing.block_s), len(timing.turns))
    waited_s = max(0.0, timing.seconds - _engine_s(timing) - sum(timing.block_s) - check_s)
    block_s = timing.block_s[:pairs]
    if pairs:
        block_s = tuple(seconds + waited_s / pairs for seconds in block_s)
        waited_s = 0.0
    output_tokens = (*timing.output_tokens, 0)[:pairs]
    return Shape(timing.prompt_tokens, timing.turns, block_s, output_tokens, check_s + waited_s)
