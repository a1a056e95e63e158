"""`automathes run`: starts or resumes a run and sees it through to its end, whatever that is."""

import logging
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from cluster.config.placement import carried_over, require_engine
from cluster.config.plan import plan_run
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder, new_run_folder, point_latest_to
from cluster.console.terminal import output_redirected_to
from cluster.loop.heartbeat import beating
from cluster.loop.preparation import prepare
from cluster.loop.progress import Progress
from cluster.loop.ray_session import ray_session, require_dashboard_port, require_store_for_all_machines
from learner.publication import clean_leftovers
from sandbox.host import require_host
from store.errors import StoreError
from store.runs.run_state import ActualState, DesiredState
from store.store import Store

log = logging.getLogger(__name__)

_NOTE_EVERY_S = 10.0


class Stop:
    """Ctrl-C: once stops at the next safe point, twice stops now."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._asked = threading.Event()

    def requested(self) -> bool:
        """Whether the run is to end at the next safe point."""
        return self._asked.is_set()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Takes SIGINT and SIGTERM for the time of the context."""
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()
        self._progress.note("stopping at the next safe point (Ctrl-C again: now)")


def start_run(config: RunConfig, runs: Path, name: str | None, iterations: int | None, progress: Progress) -> RunFolder:
    """Starts a new run in a folder of its own and works until its iterations are done or it is asked to stop.

    What cannot start leaves nothing behind: no folder, no problems in the database, and `latest` stays where it was.
    """
    _require_startable(config, runs)
    _require_unused_store(config)
    folder = new_run_folder(runs, name or config.preset or "run")
    try:
        folder.write_config(config)
        with _at_work(config, folder, progress) as store, _emptied_at_failure(store):
            prepare(config, folder, store, progress)
    except BaseException:
        shutil.rmtree(folder.path)
        raise
    point_latest_to(folder.path)
    with _at_work(config, folder, progress) as store, _told_how_to_go_on(folder, progress):
        _train(config, folder, store, config.iteration.count if iterations is None else iterations, progress)
    return folder


def resume_run(
    runs: Path, chosen: Path | None, overrides: list[str], iterations: int | None, progress: Progress
) -> RunFolder:
    """Goes on with a run: by `iterations` more, or until the configured number is reached."""
    folder = find_run_folder(runs, chosen)
    config = folder.read_config(overrides)
    if not any("gpus_per_" in override for override in overrides):  # who decides it is told if it cannot be
        config = carried_over(config)
    with folder.driven():  # says whose it is where somebody drives it, before its port is found in use
        _require_startable(config, runs)
    with Store.open(folder.store_url(config), create=False) as store:
        done = sum(iteration.closed_at is not None for iteration in store.iterations.all())
    left = max(config.iteration.count - done, 0) if iterations is None else iterations
    if left == 0:
        progress.note(f"all {done} iterations are done; --iterations N adds more")
        return folder
    with _at_work(config, folder, progress) as store, _told_how_to_go_on(folder, progress):
        folder.write_config(config)
        prepare(config, folder, store, progress)
        _train(config, folder, store, left, progress)
    return folder


def _require_startable(config: RunConfig, runs: Path) -> None:
    """What would stop a run later is told before anything is made.

    Raises:
        ConfigError: the dashboard's port is in use, or vLLM is installed for CPUs and samplers want GPUs, or the
            other way round.
        DoesNotFitError: memory, GPUs or disk do not suffice.
        SandboxUnavailable: model-written code cannot be isolated here.
    """
    require_host()
    if config.ray.address is not None:  # a cluster that is joined has its own machines
        return
    require_dashboard_port(config.ray)
    plan_run(config, runs).require_fit()
    require_engine(config)


def _require_unused_store(config: RunConfig) -> None:
    """A database that is given by URL may hold another run, or what is left of one that was killed while it started:
    this one would go on with it and mix up both.

    Raises:
        ConfigError: it does.
    """
    if config.store.url is None:
        return
    with Store.open(config.store.url) as store:
        if store.is_empty():
            return
        latest, url = store.policies.latest(), store.masked_url
        if latest is not None:
            raise ConfigError(
                f"store.url: {url} holds a run already, whose last policy is {latest.path}: go on with it "
                "(--resume --run FOLDER), or name another database for this one"
            )
        raise ConfigError(
            f"store.url: {url} holds {sum(store.problems.counts().values())} problems and no policy, as a run leaves "
            "them that is killed while it starts: drop that database and make it anew, or name another one"
        )


@contextmanager
def _emptied_at_failure(store: Store) -> Iterator[None]:
    """A run that starts again with other problems must not find these."""
    try:
        yield
    except BaseException:
        with suppress(StoreError):  # the first error is the one to tell
            store.empty()
        raise


@contextmanager
def _at_work(config: RunConfig, folder: RunFolder, progress: Progress) -> Iterator[Store]:
    """Holds the run, keeps the screen for `progress`, and has the store say what the driver does."""
    with (
        folder.driven(),
        output_redirected_to(folder.log_file),
        _logging_to(folder.log_file),
        _outages_told_to(progress),
        Store.open(folder.store_url(config)) as store,
    ):
        store.run.set_desired(DesiredState.RUNNING)
        store.run.set_actual(ActualState.STARTING)
        try:
            with beating(store):
                yield store
        except KeyboardInterrupt:  # while it starts, or a second one
            store.run.set_actual(ActualState.STOPPED)
            raise
        except BaseException:
            log.exception("the run ended")
            store.run.set_actual(ActualState.FAILED)
            raise
        store.run.set_actual(ActualState.STOPPED)


@contextmanager
def _told_how_to_go_on(folder: RunFolder, progress: Progress) -> Iterator[None]:
    """Whoever breaks off at once, rather than at a safe point, has lost nothing either."""
    try:
        yield
    except KeyboardInterrupt:
        progress.note(f"broken off; `automathes run --resume --run {_relative(folder.path)}` goes on with it")
        raise


def _train(config: RunConfig, folder: RunFolder, store: Store, iterations: int, progress: Progress) -> None:
    from cluster.loop.algorithm import SelfTraining, StopRequested
    from cluster.loop.algorithm_config import SelfTrainingConfig

    where = f", store {store.masked_url}" if config.store.url else ""
    progress.note(f"run {_relative(folder.path)}{where}, log {_relative(folder.log_file)}")
    stop = Stop(progress)
    with ray_session(config.ray, progress):
        require_store_for_all_machines(folder.store_url(config))
        with progress.phase("samplers and learner"):
            algorithm: Any = SelfTraining(config=SelfTrainingConfig(config, str(folder.path)))
            algorithm.progress = progress
            algorithm.stop_requested = stop.requested
        try:
            with stop.listening():
                restore(algorithm, store)
                algorithm.wait_until_ready()
                store.run.set_actual(ActualState.RUNNING)
                wanted = algorithm.iterations_done() + iterations
                while algorithm.is_behind() or algorithm.iterations_done() < wanted:
                    algorithm.train()
                    checkpoint(algorithm, folder, store)
        except StopRequested:
            progress.note("stopped; `automathes run --resume` goes on")
        finally:
            algorithm.stop()


def checkpoint(algorithm: Any, folder: RunFolder, store: Store) -> None:
    """Saves the Algorithm (RLlib's `save_to_path`) aside, renames it into place, and drops the one before."""
    iteration = algorithm.iterations_done()
    target = folder.checkpoints / f"iteration-{iteration:04d}"
    aside = folder.checkpoints / f".tmp-{target.name}-{os.getpid()}"
    clean_leftovers(folder.checkpoints)  # of drivers that were killed while they saved
    algorithm.save_to_path(str(aside))
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    before = store.run.state().checkpoint
    store.run.set_actual(ActualState.RUNNING, iteration=iteration, checkpoint=str(target))
    # A run whose folder was copied has its checkpoint in the original, which is not this run's to clear.
    if before is not None and Path(before) != target and Path(before).parent == folder.checkpoints:
        shutil.rmtree(before, ignore_errors=True)


def restore(algorithm: Any, store: Store) -> None:
    """Goes on from the last checkpoint, unless a policy was published after it: then from that policy."""
    saved = store.run.state().checkpoint
    if saved is None or not Path(saved).is_dir():
        return
    algorithm.restore_from_path(saved)
    latest = store.policies.latest()
    if latest is not None and algorithm.learner_group.policy.version != latest.version:
        algorithm.learner_group.load_policy(latest.path, latest.version)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    before = root.level
    root.setLevel(logging.INFO)
    try:
        yield
    finally:
        root.setLevel(before)
        root.removeHandler(handler)
        handler.close()


@contextmanager
def _outages_told_to(progress: Progress) -> Iterator[None]:
    """While a database is waited for the screen says so, or a run would seem to hang."""
    handler = _Notes(progress)
    logger = logging.getLogger("store.database.retry")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Notes(logging.Handler):
    """Shows what is logged as notes, one in a while."""

    def __init__(self, progress: Progress) -> None:
        super().__init__(logging.WARNING)
        self._progress = progress
        self._noted_at = -_NOTE_EVERY_S

    def emit(self, record: logging.LogRecord) -> None:
        """Notes it, unless something was noted a moment ago."""
        if record.created - self._noted_at >= _NOTE_EVERY_S:
            self._noted_at = record.created
            self._progress.note(record.getMessage())


def _relative(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
