"""The case of a run that is planned: its configuration on GPUs of one kind, split into samplers and ranks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from random import Random
from typing import NamedTuple

from cluster.config.memory import training_parts
from cluster.config.model_shapes import ModelShape, shape_of
from cluster.config.roles import sampling_of, training_of
from cluster.config.run_config import RunConfig
from cluster.simulation.case import Case, DecodeSpeed, Learner, Measuring, Samplers, Workload
from cluster.simulation.inputs.assumptions import AssumedRollouts, Assumptions, failure_s
from cluster.simulation.inputs.hardware import GpuKind
from cluster.simulation.inputs.roofline import decode_speed, train_seconds
from eval.looks import Looks

_MEAN_OF = 2000  # rollouts drawn for the mean lengths that the rooflines need
_UNDECIDED_SHARE = 0.5  # of the looks at a new policy: neighbouring policies of a large model differ by a point or two
_BYTES_OF_STATES = 14  # of a checkpoint, for each parameter


@dataclass(frozen=True)
class Planned:
    """A configuration on one kind of GPU; `rollouts` replaces the assumed ones by those of a run."""

    config: RunConfig
    gpu: GpuKind
    assumptions: Assumptions
    rollouts: Workload | None = None
    iterations: int = 5

    @cached_property
    def shape(self) -> ModelShape:
        """The sizes of the model."""
        return shape_of(self.config.base)

    @property
    def gpus_per_sampler(self) -> int:
        """GPUs of one engine."""
        return self.config.sampler.engine.tensor_parallel

    @cached_property
    def workload(self) -> Workload:
        """The rollouts."""
        if self.rollouts is not None:
            return self.rollouts
        limits, wall_s = self.config.sampler.limits, self.config.sandbox.block_wall_s
        return AssumedRollouts(self.assumptions.rollouts, limits.max_tokens, limits.max_blocks, wall_s)

    def fits_ranks(self, ranks: int) -> bool:
        """Whether each of so many ranks has enough memory."""
        training = replace(training_of(self._on_gpus(ranks).learner), on_gpu=True)
        return sum(training_parts(self.shape, training).values()) <= self.gpu.memory_bytes

    def train_s(self, ranks: int) -> float:
        """Seconds of an iteration's training on so many ranks."""
        samples, tokens = self.trained_samples, self._lengths.sample
        hardware = self.assumptions.hardware
        return train_seconds(self.shape, self.gpu, self._on_gpus(ranks).learner, samples, tokens, hardware)

    @property
    def trained_samples(self) -> float:
        """Rollouts that an iteration's training set has: the distinct solutions of each problem, up to the limit."""
        assumed, iteration = self.assumptions.rollouts, self.config.iteration
        solutions = iteration.samples_per_problem * assumed.accepted_share * assumed.distinct_share
        limit = self.config.selection.max_per_problem
        return iteration.problems * (solutions if limit is None else min(solutions, limit))

    def case(self, samplers: int, ranks: int) -> Case:
        """The case of a split. Raises `EngineDoesNotFitError`."""
        config = self.config
        return Case(
            samplers=self._samplers(samplers),
            learner=self._learner(ranks),
            workload=self.workload,
            problems=config.iteration.problems,
            samples_per_problem=config.iteration.samples_per_problem,
            iterations=self.iterations,
            lead=config.iteration.lead,
            quorum=config.iteration.required_quorum,
            measuring=measuring_of(config, _UNDECIDED_SHARE),
            seed=config.seed,
        )

    def _samplers(self, count: int) -> Samplers:
        hardware, settings, gpus = self.assumptions.hardware, self.config.sampler, self.gpus_per_sampler
        sampling = replace(sampling_of(settings), on_gpu=True, precision="bf16")
        share = settings.engine.gpu_memory_utilization
        speed = decode_speed(self.shape, self.gpu, sampling, share, self._lengths.context, hardware)
        size_bytes = self.shape.weights_bytes("bf16")
        return replace(
            samplers_of(self.config),
            count=count,
            speed=speed,
            sandbox_cores=hardware.sandbox_cores * gpus,
            start_s=hardware.start_s,
            read_s=size_bytes / hardware.storage_bytes_per_s,
            pause_s=size_bytes / hardware.load_bytes_per_s / gpus,
            mean_s_to_failure=failure_s(hardware, gpus),
            restart_s=hardware.start_s,
        )

    def _learner(self, ranks: int) -> Learner:
        hardware, settings = self.assumptions.hardware, self.config.learner
        train_s = self.train_s(ranks)
        saved_s = 0.0
        if train_s > settings.checkpoint_every_s:  # then it is saved once more, before it is published
            saved_s = self.shape.parameters * _BYTES_OF_STATES / ranks / hardware.storage_bytes_per_s
        return Learner(
            ranks=ranks,
            train_s=(train_s,),
            select_s=hardware.select_s,
            publish_s=saved_s + self.shape.weights_bytes("bf16") / hardware.storage_bytes_per_s,
            checkpoint_every_s=settings.checkpoint_every_s,
            mean_s_to_failure=failure_s(hardware, 1),
            restart_s=hardware.start_s,
        )

    def _on_gpus(self, ranks: int) -> RunConfig:
        precision = "bf16" if self.config.learner.precision == "auto" else self.config.learner.precision
        update = {"num_ranks": ranks, "gpus_per_rank": 1, "precision": precision}
        return self.config.model_copy(update={"learner": self.config.learner.model_copy(update=update)})

    @cached_property
    def _lengths(self) -> "_Lengths":
        rng = Random(self.config.seed)  # noqa: S311
        shapes = [self.workload.draw(rng) for _ in range(_MEAN_OF)]
        written = [shape.sampled_tokens + sum(shape.output_tokens) for shape in shapes]
        prompt = sum(shape.prompt_tokens for shape in shapes) / _MEAN_OF
        # A long rollout is decoded for longer, so it counts for more of the contexts that an engine holds.
        return _Lengths(prompt + sum(written) / _MEAN_OF, prompt + sum(n * n for n in written) / sum(written) / 2)


class _Lengths(NamedTuple):
    """Mean tokens of a finished rollout, and of those that an engine holds at a time."""

    sample: float
    context: float


def samplers_of(config: RunConfig) -> Samplers:
    """The samplers as they are configured, with an engine that is still to be replaced."""
    settings = config.sampler
    return Samplers(
        count=settings.num_samplers,
        speed=DecodeSpeed((1.0, 1.0)),
        slots=settings.slots,
        sandbox_cores=config.sandbox.blocks_at_once,
        lookahead_s=settings.lookahead_s,
        write_interval_s=settings.write_interval_s,
        idle_poll_s=settings.idle_poll_s,
        lease_ttl_s=settings.lease_ttl_s,
        swap_wait_s=settings.swap_wait_s,
    )


def measuring_of(config: RunConfig, undecided_share: float, heldout: int | None = None) -> Measuring:
    """The looks at a policy, by the rule of promotion; `heldout` is how many problems there are, if that is known."""
    first, evaluation = config.evaluation.problems, config.evaluation
    budget = first if config.promotion.rule == "always" else max(config.promotion.max_problems, first)
    sizes: Sequence[int] = Looks.plan(first, budget if heldout is None else max(1, min(budget, heldout))).sizes
    return Measuring(tuple(sizes), evaluation.sampled, undecided_share)
