"""`automathes value train`: train a value model with the learner's ranks, publish it and measure it."""

import argparse
from collections.abc import Callable

from cluster.commands.values.scoring import prepare_torch
from cluster.config.placement import adapt_placement
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.config.value_models import value_folder
from cluster.console.interrupt import StopSignal
from cluster.console.live_view import make_progress
from cluster.console.output import print_json, print_line
from cluster.console.terminal import open_console, output_redirected_to
from cluster.loop.progress import Progress
from learner.publication import is_complete
from learner.value.settings import ValueJob, ValueSettings
from store.artifacts.folder import checksum
from store.artifacts.location import Location, join
from store.records import Policy, PolicyPointer, ValueModel
from store.store import Store


def train(arguments: argparse.Namespace) -> int:
    """Train a value model on attempts at training problems, publish it, and print how it does on validation problems.

    A training that was interrupted, with the same settings, is continued from its last checkpoint.

    Raises:
        ConfigError: the run has a driver, or no policy yet, or a setting is wrong.
        NothingToScheduleError: there are no attempts with a verdict.
        LearnerGroupError: the ranks failed, or the training diverged.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = adapt_placement(folder.read_config(arguments.overrides))
    settings = config.value.model_copy(update={"shuffle_labels": True}) if arguments.shuffle_labels else config.value
    progress = make_progress(open_console(2 if arguments.json else 1))
    with folder.lock(), folder.open_store(config) as store:
        policy = _policy(store, folder, arguments.policy)
        model = store.values.begin(policy.version, settings.model_dump(mode="json"), settings.selection)
        published, metrics = _trained(folder, config, settings, store, policy, model, progress)
        prepare_torch()
        from cluster.commands.values.validation import validate  # imports torch

        metrics |= validate(store, folder, config, settings, model, published)
        model = store.values.publish(model.version, str(published), checksum(published), metrics)
    _print(model, as_json=arguments.json)
    return 0


def _policy(store: Store, folder: RunFolder, version: int | None) -> Policy:
    policy = store.policies.promoted() or store.policies.latest() if version is None else store.policies.get(version)
    if policy is None:
        raise ConfigError("the run has no policy yet: `automathes run --resume` continues it")
    folder.require_policy(policy)
    return policy


def _trained(
    folder: RunFolder,
    config: RunConfig,
    settings: ValueSettings,
    store: Store,
    policy: Policy,
    model: ValueModel,
    progress: Progress,
) -> tuple[Location, dict[str, float]]:
    """Train and publish, unless that is done; returns where, and the metrics of the training."""
    target = value_folder(folder, model.version)
    if is_complete(target):  # the command was interrupted after that
        return target, {}
    from cluster.ray.session import ray_session, require_store_for_all_machines

    job = ValueJob(
        settings=settings.learner(config.learner),
        store_url=folder.store_url(config),
        policy=PolicyPointer(policy.version, str(folder.require_policy(policy)), policy.checksum),
        storage=config.storage,
        value=settings,
    )
    ray = config.ray.model_copy(update={"dashboard": False})
    stop = StopSignal(progress)
    with output_redirected_to(folder.log_file), ray_session(ray, progress), stop.handling():
        require_store_for_all_machines(folder.store_url(config))
        metrics = _on_ranks(job, model, target, join(folder.artifacts, "value-checkpoints"), progress, stop.is_set)
    return target, metrics


def _on_ranks(
    job: ValueJob,
    model: ValueModel,
    target: Location,
    checkpoints: Location,
    progress: Progress,
    is_stopped: Callable[[], bool],
) -> dict[str, float]:
    """Train on the learner's ranks and publish at `target`; returns the metrics of the training."""
    from ray.rllib.algorithms.algorithm_config import AlgorithmConfig

    from learner.checkpoints.folder import remove_checkpoints, training_folder
    from learner.directive import Directive, TrainingInterrupted
    from learner.group import GangLearnerGroup
    from learner.settings import Phase

    config = AlgorithmConfig()
    config.learner_job = job
    group = GangLearnerGroup(config=config)
    try:
        with progress.phase("value model"):
            group.ready()
            metrics = group.train(
                model.training_set_id,
                Phase.ITERATION.value,
                model.version,
                on_progress=lambda done, total: progress.advance(done, total) if total else None,
                directive=lambda: Directive.STOP if is_stopped() else Directive.RUN,
                checkpoints=training_folder(checkpoints, model.version),
            )
            group.publish(model.version, target)
    except TrainingInterrupted as interruption:
        progress.note(f"{interruption}; the same command continues")
        raise KeyboardInterrupt from None
    finally:
        group.shutdown()
    remove_checkpoints(checkpoints)
    return metrics


def _print(model: ValueModel, *, as_json: bool) -> None:
    if as_json:
        print_json({"model": model.version, "path": model.path, "metrics": dict(model.metrics)})
        return
    auc = model.metrics.get("validation_auc")
    measured = f", AUC {auc:.3f} on validation problems" if auc is not None else ""
    print_line(f"value model {model.version}, from policy v{model.policy_version}, is in {model.path}{measured}")
