"""`automathes plan`: the memory of a run on this machine, or a simulation of its speed and cost on any GPUs."""

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from cluster.config.loading import load_config
from cluster.config.model_shapes import UnknownModelError
from cluster.config.placement import place_in
from cluster.config.plan import plan_run
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.console.output import print_json
from cluster.console.tables.plan_table import render_plan
from cluster.console.tables.simulation_table import print_comparison, print_splits
from cluster.ray.hosts import read_cluster
from cluster.simulation.inputs.assumptions import read_assumptions
from cluster.simulation.inputs.hardware import UnknownGpuError, gpu_kind
from cluster.simulation.inputs.measured import Measured, TooLittleMeasuredError, read_measured
from cluster.simulation.inputs.planned import Planned
from cluster.simulation.inputs.roofline import EngineDoesNotFitError
from cluster.simulation.search import NoSplitError, Split, choose_split, split_of
from cluster.simulation.simulate import simulate

_ONLY_SIMULATED = "gpus", "price", "samplers", "ranks", "lead", "assume"
_ITERATIONS = 5


def plan(arguments: argparse.Namespace) -> int:
    """Plan a run, or simulate it. Returns 1 if the run that is planned does not fit.

    Raises:
        ConfigError: the configuration or an option is wrong.
        StoreError: the store of --run cannot be read.
    """
    _check_options(arguments)
    try:
        if not arguments.simulate:
            return _print_plan(arguments)
        if arguments.gpus:
            _simulate_splits(arguments)
        else:
            _compare(arguments)
    except (
        UnknownGpuError, UnknownModelError, NoSplitError, EngineDoesNotFitError, TooLittleMeasuredError
    ) as error:  # fmt: skip
        raise ConfigError(str(error)) from None
    return 0


def _check_options(arguments: argparse.Namespace) -> None:
    given = [f"--{name}" for name in _ONLY_SIMULATED if getattr(arguments, name) is not None]
    if not arguments.simulate:
        if given or arguments.json or arguments.run:
            option = next(iter([*given, *["--json"] * arguments.json, "--run"]))
            raise ConfigError(f"{option} is for a simulation: add --simulate")
        return
    if not arguments.gpus and arguments.run is None:
        raise ConfigError("--simulate needs --gpus N, the number of GPUs, or --run FOLDER, a finished run")
    if not arguments.gpus and (arguments.ranks or arguments.price is not None):
        raise ConfigError(f"{'--ranks' if arguments.ranks else '--price'} is for GPUs: add --gpus N")
    if arguments.gpus and (arguments.samplers is None) != (arguments.ranks is None):
        raise ConfigError("give both --samplers and --ranks, or neither to have the best numbers chosen")


def _print_plan(arguments: argparse.Namespace) -> int:
    """Print the plan; returns 1 if the run does not fit."""
    config = load_config(arguments.preset, arguments.config, arguments.overrides)
    cluster = read_cluster(config)
    plan = plan_run(place_in(config, cluster), arguments.runs, cluster=cluster)
    Console().print(render_plan(plan))
    return 0 if plan.fits else 1


# ---------------------------------------------------------------- GPUs


def _simulate_splits(arguments: argparse.Namespace) -> None:
    planned = _planned(arguments)
    splits = _splits(planned, arguments)
    if arguments.json:
        for split in splits:
            print_json(_record(split, planned, arguments.price))
    else:
        print_splits(Console(), [_record(split, planned, arguments.price) for split in splits])


def _planned(arguments: argparse.Namespace) -> Planned:
    folder = None if arguments.run is None else find_run_folder(arguments.runs, arguments.run)
    gpu, assumptions = gpu_kind(arguments.gpu), read_assumptions(arguments.assume)
    config = _config(arguments, folder)
    rollouts = None if folder is None else _measured(folder, folder.read_config()).workload
    return Planned(config, gpu, assumptions, rollouts, arguments.iterations or _ITERATIONS)


def _config(arguments: argparse.Namespace, folder: RunFolder | None) -> RunConfig:
    lead = [] if arguments.lead is None else [f"iteration.lead={arguments.lead}"]
    overrides = [*arguments.overrides, *lead]
    if folder is not None and not (arguments.preset or arguments.config):
        return folder.read_config(overrides)
    preset = arguments.preset or (None if arguments.config else "7b")
    return load_config(preset, arguments.config, overrides)


def _splits(planned: Planned, arguments: argparse.Namespace) -> Iterator[Split]:
    for gpus in arguments.gpus:
        if arguments.samplers is None:
            yield choose_split(planned, gpus)
            continue
        needed = arguments.samplers * planned.gpus_per_sampler + arguments.ranks
        if needed > gpus:
            raise ConfigError(f"{needed} GPUs are needed by --samplers and --ranks, --gpus is {gpus}")
        yield split_of(planned, gpus, arguments.samplers, arguments.ranks)


def _record(split: Split, planned: Planned, price: float | None) -> Mapping[str, Any]:
    return {
        "gpus": split.gpus,
        "gpu": planned.gpu.name,
        "used_gpus": split.used_gpus,
        "samplers": split.samplers,
        "ranks": split.ranks,
        "lead": split.outcome.case.lead,
        "iteration_s": split.iteration_s,
        "tokens_per_s": split.tokens_per_s,
        "engine_utilization": split.outcome.engine_utilization,
        "learner_utilization": split.outcome.learner_utilization,
        "gpu_hours": split.gpu_hours,
        "cost": None if price is None else price * split.gpu_hours,
        "limited_by": split.limited_by,
        "simulated": {
            "share": split.share,
            "length": split.length,
            "seconds": split.outcome.ended_s,
            "rollouts": split.outcome.rollouts,
            "evaluation_rollouts": split.outcome.evaluation_rollouts,
            "sampler_failures": split.outcome.sampler_failures,
            "rank_failures": split.outcome.rank_failures,
        },
    }


# ---------------------------------------------------------------- a finished run


def _compare(arguments: argparse.Namespace) -> None:
    """Predict from what a run measured; beside it, if the settings are its own, what it was."""
    folder = find_run_folder(arguments.runs, arguments.run)
    own = folder.read_config()
    measured = _measured(folder, own)
    config = _config(arguments, folder)
    outcome = simulate(measured.case(config, arguments.samplers, arguments.iterations))
    record = {
        "samplers": outcome.case.samplers.count,
        "lead": outcome.case.lead,
        "predicted": {
            "iteration_s": outcome.iteration_s,
            "tokens_per_s": outcome.tokens_per_s,
            "engine_utilization": outcome.engine_utilization,
            "learner_utilization": outcome.learner_utilization,
        },
        "measured": {
            "iteration_s": measured.figures.iteration_s,
            "tokens_per_s": measured.figures.tokens_per_s,
            "engine_utilization": measured.figures.engine_utilization,
            "learner_utilization": measured.figures.learner_utilization,
        },
        "measured_with": {"samplers": measured.samplers, "lead": own.iteration.lead},
    }
    if arguments.json:
        print_json(record)
    else:
        print_comparison(Console(), record)


def _measured(folder: RunFolder, config: RunConfig) -> Measured:
    with folder.open_store(config) as store:
        return read_measured(store, config)
