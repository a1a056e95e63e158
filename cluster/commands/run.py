"""`automathes run`: start or resume a run and drive it until its iterations are done or it is stopped."""

import argparse
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from cluster.config.hosts.host import Cluster
from cluster.config.loading import load_config, to_toml
from cluster.config.placement import adapt_placement, place_in, require_engine
from cluster.config.plan import plan_run
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder, new_run_folder, point_latest_to
from cluster.console.driver_log import logging_to, outages_noted
from cluster.console.interrupt import StopSignal
from cluster.console.live_view import make_progress
from cluster.console.tables.plan_table import render_plan
from cluster.console.terminal import open_console, output_redirected_to
from cluster.loop.checkpoints import restore_checkpoint, save_checkpoint
from cluster.loop.position import read_position
from cluster.loop.preparation.new_store import cleared_on_error, require_unused_store
from cluster.loop.preparation.preparation import prepare
from cluster.loop.preparation.storage_checks import require_artifacts_on_all_nodes, require_storage
from cluster.loop.progress import Progress
from cluster.loop.supervision.activity import Activity
from cluster.loop.supervision.heartbeat import heartbeats
from cluster.loop.supervision.stopped_writer import stopped_writers_ended
from cluster.loop.tracking.registry import require_trackers
from cluster.ray.hosts import read_cluster
from cluster.ray.nodes import on_nodes
from cluster.ray.session import ray_session, require_dashboard_address, require_store_for_all_machines
from sandbox.host import require_host
from store.artifacts.errors import StorageError
from store.artifacts.folder import folder_at
from store.database.urls import sqlite_file
from store.runs.run_state import ActualState, DesiredState
from store.store import Store

log = logging.getLogger(__name__)


def run(arguments: argparse.Namespace) -> int:
    """Start a run, resume one (`--resume`), or print the configuration and plan of one (`--dry-run`).

    Raises:
        ConfigError: the configuration is wrong, or the options contradict each other.
        DoesNotFitError: memory, GPUs or disk do not suffice.
        SandboxUnavailable: model-written code cannot be isolated here.
    """
    _check_options(arguments)
    progress = make_progress(open_console())
    if arguments.resume:
        resume_run(arguments.runs, arguments.run, arguments.overrides, arguments.iterations, progress)
        return 0
    config = load_config(arguments.preset, arguments.config, arguments.overrides)
    cluster = read_cluster(config)
    config = place_in(config, cluster)
    if arguments.dry_run:
        print_plan(config, arguments.runs, cluster)
    else:
        start_run(config, arguments.runs, arguments.name, arguments.iterations, progress, cluster)
    return 0


def _check_options(arguments: argparse.Namespace) -> None:
    if arguments.resume and (arguments.preset or arguments.config):
        raise ConfigError("--resume uses the run's own configuration: omit --preset and --config, or use --set")
    if arguments.resume and (arguments.dry_run or arguments.name):
        option = "--dry-run" if arguments.dry_run else "--name"
        raise ConfigError(f"{option} is for a new run: omit it, or omit --resume")
    if arguments.run and not arguments.resume:
        raise ConfigError("--run names an existing run: add --resume to continue it, or use --name for a new run")


def print_plan(config: RunConfig, folder: Path, cluster: Cluster | None = None) -> None:
    """Print the resolved configuration and the plan of a run that would write to `folder`."""
    console = Console()
    console.print(to_toml(config), markup=False, highlight=False, soft_wrap=True)
    console.print(render_plan(plan_run(config, folder, cluster=cluster)))


def start_run(
    config: RunConfig,
    runs: Path,
    name: str | None,
    iterations: int | None,
    progress: Progress,
    cluster: Cluster | None = None,
) -> RunFolder:
    """Start a run in a new folder, on this machine or in a cluster, and drive it until it is done or stopped.

    A run that cannot start leaves nothing behind: no folder, no problems in the database, and `latest` is unchanged.
    """
    _require_startable(config, runs, cluster)
    require_unused_store(config)
    folder = new_run_folder(runs, name or config.preset or "run", config.storage)
    config = config.model_copy(update={"storage": folder.storage})
    try:
        folder.write_config(config)
        keep_problems = not config.problems
        with _driving(config, folder, progress) as driver, cleared_on_error(driver.store, keep_problems=keep_problems):
            driver.store.run.set_targets(iterations=config.iteration.count if iterations is None else iterations)
            prepare(config, folder, driver.store, progress)
    except BaseException:
        shutil.rmtree(folder.path)
        if folder.storage.url is not None:
            with suppress(StorageError):  # report the first error
                folder_at(folder.artifacts).remove()
        raise
    point_latest_to(folder.path)
    with _driving(config, folder, progress) as driver, _resume_hint(folder, progress):
        _train(config, folder, driver, cluster)
    return folder


def resume_run(
    runs: Path, chosen: Path | None, overrides: list[str], iterations: int | None, progress: Progress
) -> RunFolder:
    """Resume a run until the iterations are done that were asked for, or for `iterations` more than it has."""
    folder = find_run_folder(runs, chosen)
    config = folder.read_config(overrides)
    if config.storage.url is not None and config.storage.name is None:
        config = config.model_copy(update={"storage": config.storage.model_copy(update={"name": folder.path.name})})
    folder = replace(folder, storage=config.storage)
    if not any("gpus_per_" in override for override in overrides):  # explicit settings are kept, or refused below
        config = adapt_placement(config)
    with folder.lock():  # a run that has a driver is reported as such, not as a dashboard port in use
        cluster = read_cluster(config)
        _require_startable(config, runs, cluster)
    with folder.open_store(config) as store:
        if iterations is not None:
            store.run.set_targets(iterations=read_position(store, config).iterations_done + iterations)
        if (position := read_position(store, config)).is_finished:
            progress.note(f"all {position.target} iterations are done; --iterations N adds more")
            return folder
    with _driving(config, folder, progress) as driver, _resume_hint(folder, progress):
        folder.write_config(config)
        prepare(config, folder, driver.store, progress)
        _train(config, folder, driver, cluster)
    return folder


# ---------------------------------------------------------------- checks before anything is written


def _require_startable(config: RunConfig, runs: Path, cluster: Cluster | None) -> None:
    """Check what would otherwise fail later.

    Raises:
        ConfigError: the dashboard's port is in use, the installed build of vLLM does not match the samplers' device,
            the storage of policies does not work, or a tracker is not installed.
        DoesNotFitError: memory, GPUs or disk do not suffice.
        SandboxUnavailable: model-written code cannot be isolated here.
    """
    require_trackers(config.tracking)
    require_host()
    require_storage(config.storage)
    if cluster is None:
        require_dashboard_address(config.ray)
    plan_run(config, runs, cluster=cluster).require_fit()
    if cluster is None:  # the hosts of a cluster have engines of their own: `automathes doctor --cluster`
        require_engine(config)


# ---------------------------------------------------------------- driving


@dataclass(frozen=True, slots=True)
class _Driver:
    """What a driver has while it drives a run."""

    store: Store
    progress: Progress
    activity: Activity


@contextmanager
def _driving(config: RunConfig, folder: RunFolder, progress: Progress) -> Iterator[_Driver]:
    """Lock the run, keep the screen for `progress`, and maintain the state and heartbeat of the driver in the store."""
    activity = Activity()
    with (
        folder.lock(),
        output_redirected_to(folder.log_file),
        logging_to(folder.log_file),
        outages_noted(progress),
        Store.open(folder.store_url(config)) as store,
    ):
        _take_up(store, progress)
        store.run.set_actual(ActualState.STARTING)
        try:
            with heartbeats(store.run, activity), stopped_writers_ended(sqlite_file(store.url)):
                yield _Driver(store, progress, activity)
        except KeyboardInterrupt:  # during the start, or the second one
            store.run.set_actual(ActualState.STOPPED)
            raise
        except BaseException:
            log.exception("the run failed")
            store.run.set_actual(ActualState.FAILED)
            raise
        store.run.set_actual(ActualState.STOPPED)


def _take_up(store: Store, progress: Progress) -> None:
    """Forget a request to stop, which was for the driver before. A pause is one of the run's, and outlives drivers."""
    if store.run.desired() is DesiredState.PAUSED:
        progress.note("the run was paused, and starts paused: `automathes resume` continues it")
    else:
        store.run.set_desired(DesiredState.RUNNING)


@contextmanager
def _resume_hint(folder: RunFolder, progress: Progress) -> Iterator[None]:
    """On Ctrl-C, note how to resume: an interrupt outside a safe point loses nothing either."""
    try:
        yield
    except KeyboardInterrupt:
        progress.note(f"interrupted; `automathes run --resume --run {_relative(folder.path)}` continues the run")
        raise


def _train(config: RunConfig, folder: RunFolder, driver: _Driver, cluster: Cluster | None) -> None:
    from cluster.loop.algorithm import SelfTraining
    from cluster.loop.algorithm_config import SelfTrainingConfig
    from cluster.loop.control import StopRequested

    store, progress = driver.store, driver.progress
    where = f", store {store.masked_url}" if config.store.url else ""
    progress.note(f"run {_relative(folder.path)}{where}, log {_relative(folder.log_file)}")
    stop = StopSignal(progress)
    with ray_session(config.ray, progress, folder.metrics_targets("run")), stop.handling():
        require_store_for_all_machines(folder.store_url(config))
        require_artifacts_on_all_nodes(folder, on_nodes)
        algorithm: Any = SelfTraining(config=SelfTrainingConfig(config, str(folder.path), cluster=cluster))
        algorithm.operator.progress = progress
        algorithm.operator.activity = driver.activity
        algorithm.operator.stop_requested = stop.is_set
        try:
            restore_checkpoint(algorithm, folder, store, algorithm.tend_or_stop)
            store.run.set_actual(ActualState.RUNNING)
            while not algorithm.position().is_finished:
                algorithm.train()
                save_checkpoint(algorithm, folder, store)
        except StopRequested:
            progress.note("stopped; `automathes run --resume` continues the run")
        finally:
            algorithm.stop()


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
