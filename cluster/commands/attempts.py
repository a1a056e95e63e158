"""Sampling what evaluations lack: samplers without a learner, until every scheduled attempt is in the store."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.console.terminal import output_redirected_to
from cluster.loop.progress import Progress
from cluster.loop.supervision.stopped_writer import stopped_writers_ended
from store.database.urls import sqlite_file
from store.records import Purpose
from store.store import Store

if TYPE_CHECKING:
    from cluster.loop.supervision.fleet import Fleet

_POLL_S = 0.5


def sample_missing(
    config: RunConfig,
    folder: RunFolder,
    store: Store,
    version: int,
    evaluations: Sequence[int],
    progress: Progress,
    phase: str = "measure",
) -> None:
    """Sample the missing attempts of a policy's evaluations; if there are none, nothing is started.

    `phase` is what the progress calls it. Attempts are stored as they come: after Ctrl-C or a kill, the same call
    continues.

    Raises:
        SamplersLostError: no sampler is left.
    """
    done, total = _count(store, evaluations)
    if done >= total:
        return
    try:
        _sample(config, folder, store, version, evaluations, progress, phase)
    except KeyboardInterrupt:
        progress.note("interrupted: the attempts so far are stored; the same command continues")
        raise


def _sample(
    config: RunConfig,
    folder: RunFolder,
    store: Store,
    version: int,
    evaluations: Sequence[int],
    progress: Progress,
    phase: str,
) -> None:
    """Start samplers, load the policy into them and wait until every scheduled rollout is in the store."""
    from cluster.loop.preparation.storage_checks import require_artifacts_on_all_nodes
    from cluster.ray.nodes import on_nodes
    from cluster.ray.session import ray_session, require_store_for_all_machines

    ray = config.ray.model_copy(update={"dashboard": False})
    with output_redirected_to(folder.log_file), ray_session(ray, progress):
        require_store_for_all_machines(folder.store_url(config))
        require_artifacts_on_all_nodes(folder, on_nodes)
        with (
            stopped_writers_ended(sqlite_file(store.url)),
            _fleet(config, folder, version, progress) as fleet,
            progress.phase(phase, _count(store, evaluations)[1]),
        ):
            _await_rollouts(fleet, lambda: _count(store, evaluations), progress, config.ray.stall_s)


def _count(store: Store, evaluations: Sequence[int]) -> tuple[int, int]:
    """(done, scheduled) attempts."""
    counts = [store.evaluations.progress(evaluation) for evaluation in evaluations]
    return sum(done for done, _ in counts), sum(total for _, total in counts)


def _await_rollouts(fleet: "Fleet", count: Callable[[], tuple[int, int]], progress: Progress, stall_s: float) -> None:
    """Wait until all scheduled rollouts are in the store. `count` returns (done, scheduled)."""
    from cluster.loop.supervision.silence import SilenceWatch

    silence = SilenceWatch(stall_s)
    while True:
        done, total = count()
        progress.advance(done, total, "" if fleet.num_working else "samplers start")
        if done >= total:
            return
        fleet.poll(_POLL_S)
        silence.check((done, fleet.signs), lambda: f"{total - done} attempts missing; {fleet.describe()}")  # noqa: B023


@contextmanager
def _fleet(config: RunConfig, folder: RunFolder, version: int, progress: Progress) -> Iterator["Fleet"]:
    """Samplers that take only evaluations of one policy, and nothing for training."""
    from cluster.loop.algorithm_config import SelfTrainingConfig
    from cluster.loop.placement.samplers import SamplerGroup
    from cluster.loop.supervision.fleet import Fleet

    settings = SelfTrainingConfig(config, str(folder.path))
    settings.sample_purpose, settings.sample_policy = Purpose.EVAL, version
    group = SamplerGroup(config=settings, local_env_runner=False)
    try:
        yield Fleet(group, config.ray, notify=progress.note)
    finally:
        group.stop()
