"""`automathes eval`: measures a policy of a run on its held-out problems, with samplers alone."""

import argparse
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cluster.config.placement import carried_over
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.console.live_view import make_progress
from cluster.console.terminal import output_redirected_to, own_console
from cluster.loop.progress import Progress
from eval.metrics import Answers, NothingMeasuredError, counted, figures, standard_error
from store.records import Outcome, Policy, Purpose, Sampling, Split
from store.store import Store


@dataclass(frozen=True, slots=True)
class Measurement:
    """What `automathes eval` found: shares between 0 and 1 by metric, over `n` problems."""

    run: str
    policy_version: int
    benchmark: str
    samples: int
    temperature: float
    n: int
    faults: int
    figures: dict[str, dict[str, float]]


def evaluate_policy(arguments: argparse.Namespace) -> int:
    """Attempts the held-out problems with a policy, stores the figures and prints them.

    What was attempted before, by the run itself or by an evaluation that was cut off, is not attempted again.

    Raises:
        ConfigError: the run is being driven, has no such policy, or an option makes no sense.
        SamplersLostError: no sampler is left.
        NothingMeasuredError: every attempt failed on our side.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = carried_over(folder.read_config())
    # A JSON object is alone on the standard output.
    progress = make_progress(own_console(2 if arguments.json else 1))
    with folder.driven(), Store.open(folder.store_url(config), create=False) as store:
        policy = _chosen_policy(store, arguments.policy)
        sampling = _sampling(arguments, config)
        evaluation = store.evaluations.schedule(
            policy.version,
            _benchmark(arguments, config, sampling),
            samples=arguments.samples,
            sampling=sampling,
            split=Split.HELDOUT,
            limit=arguments.problems or config.evaluation.problems,
        )
        if _left(store, evaluation):
            try:
                _sample(config, folder, store, policy, evaluation, progress)
            except KeyboardInterrupt:
                progress.note("what was attempted is kept; the same command goes on with it")
                raise
        measurement = _finish(store, evaluation, folder)
    _show(measurement, as_json=arguments.json)
    return 0


def _chosen_policy(store: Store, version: int | None) -> Policy:
    known = {policy.version: policy for policy in store.policies.all()}
    if version is None:
        policy = store.policies.promoted() or store.policies.latest()
        if policy is None:
            raise ConfigError("the run has no policy yet: `automathes run --resume` goes on with it")
        return policy
    if version not in known:
        raise ConfigError(f"--policy {version}: the run has no such policy; it has {_listed(sorted(known))}")
    if not Path(known[version].path).is_dir():
        raise ConfigError(f"--policy {version}: its folder {known[version].path} is gone")
    return known[version]


def _sampling(arguments: argparse.Namespace, config: RunConfig) -> Sampling:
    samples, temperature = arguments.samples, arguments.temperature
    if samples < 1:
        raise ConfigError("--samples 0: give 1 or more")
    if arguments.problems == 0:
        raise ConfigError("--problems 0: give 1 or more")
    if temperature is None:
        temperature = 0.0 if samples == 1 else config.evaluation.temperature
    if not 0 <= temperature <= 2:
        raise ConfigError(f"--temperature {temperature:g}: give a number from 0 (greedy) to 2")
    if samples > 1 and temperature == 0:
        raise ConfigError(f"--samples {samples} --temperature 0: greedy attempts are all the same; give a temperature")
    return config.evaluation_sampling(temperature)


def _benchmark(arguments: argparse.Namespace, config: RunConfig, sampling: Sampling) -> str:
    """Its name tells it from the run's own measure, which decides on promotions, wherever the problems are others."""
    name = "heldout" if sampling.temperature == 0 else "heldout-sampled"
    asked = arguments.problems
    return name if asked in (None, config.evaluation.problems) else f"{name}-{asked}"


def _left(store: Store, evaluation: int) -> int:
    done, total = store.evaluations.progress(evaluation)
    return total - done


def _sample(
    config: RunConfig, folder: RunFolder, store: Store, policy: Policy, evaluation: int, progress: Progress
) -> None:
    """Starts samplers, hands them the policy and waits until everything that was scheduled is in the store."""
    from cluster.loop.ray_session import ray_session, require_store_for_all_machines

    quiet = config.ray.model_copy(update={"dashboard": False})
    with output_redirected_to(folder.log_file), ray_session(quiet, progress):
        require_store_for_all_machines(folder.store_url(config))
        with _fleet(config, folder, progress) as fleet:
            with progress.phase("start"):
                fleet.hand_out(policy)
            with progress.phase("measure", store.evaluations.progress(evaluation)[1]):
                fleet.await_rollouts(policy, lambda: store.evaluations.progress(evaluation), progress)


@contextmanager
def _fleet(config: RunConfig, folder: RunFolder, progress: Progress) -> Iterator[Any]:
    """Samplers that leave alone what is scheduled for training."""
    from ray.rllib.env.env_runner_group import EnvRunnerGroup

    from cluster.loop.algorithm_config import SelfTrainingConfig
    from cluster.loop.fleet import Fleet

    settings = SelfTrainingConfig(config, str(folder.path))
    settings.sample_purpose = Purpose.EVAL
    group = EnvRunnerGroup(config=settings, local_env_runner=False)
    try:
        yield Fleet(group, config.ray, say=progress.note)
    finally:
        group.stop()


def _finish(store: Store, evaluation: int, folder: RunFolder) -> Measurement:
    answers = store.evaluations.answers(evaluation)
    measured = figures(answers)
    if not measured:
        raise NothingMeasuredError(
            f"not one of {len(answers)} attempts came to an end of its own: see `automathes doctor` and the samplers' "
            "logs"
        )
    n, faults = counted(answers), _faults(answers)
    store.evaluations.finish(evaluation, measured, n)
    run = store.evaluations.get(evaluation)
    return Measurement(
        run=str(folder.path),
        policy_version=run.policy_version,
        benchmark=run.benchmark,
        samples=run.samples,
        temperature=run.sampling.temperature,
        n=n,
        faults=faults,
        figures={
            name: {"value": value, "standard_error": standard_error(value, n)} for name, value in measured.items()
        },
    )


def _faults(answers: Answers) -> int:
    """Attempts that a fault of ours ended."""
    return sum(attempt.outcome is Outcome.FAULT for attempts in answers.values() for attempt in attempts)


def _show(measurement: Measurement, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(asdict(measurement), indent=2))  # noqa: T201
        return
    how = "greedy" if measurement.temperature == 0 else f"temperature {measurement.temperature:g}"
    attempts = "one attempt" if measurement.samples == 1 else f"{measurement.samples} attempts"
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("metric")
    table.add_column("value", justify="right")
    table.add_column("standard error", justify="right")
    for name, figure in measurement.figures.items():
        table.add_row(name, f"{100 * figure['value']:.1f} %", f"{100 * figure['standard_error']:.1f}")
    console = Console()
    console.print(
        Text(f"policy v{measurement.policy_version} on {measurement.n} held-out problems, {attempts} each, {how}")
    )
    console.print(table)
    if measurement.faults:
        console.print(Text(f"{measurement.faults} attempts that failed on our side are left out", style="yellow"))


def _listed(versions: list[int]) -> str:
    return ", ".join(f"v{version}" for version in versions) or "none yet"
