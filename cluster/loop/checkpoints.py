"""Checkpoints of the Algorithm, from which a resumed run continues: RLlib's counters, and a pointer to the policy."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cluster.config.run_folder import RunFolder
from learner.checkpoints.folder import finished_checkpoint, training_folder
from learner.publication import clean_leftovers
from store.runs.run_state import ActualState
from store.store import Store

_ITERATION = "iteration-"


def save_checkpoint(algorithm: Any, folder: RunFolder, store: Store) -> None:
    """Save the Algorithm (RLlib's `save_to_path`) aside, rename it into place, and delete the previous checkpoint.

    It is small: weights are published, and optimizers are in the checkpoints of their trainings.
    """
    iteration = algorithm.position().iterations_done
    target = folder.checkpoints / f"{_ITERATION}{iteration:04d}"
    aside = folder.checkpoints / f".tmp-{target.name}-{os.getpid()}"
    clean_leftovers(folder.checkpoints)  # of drivers that were killed while they saved
    algorithm.save_to_path(str(aside))
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    store.run.set_actual(ActualState.RUNNING, iteration=iteration, checkpoint=str(target))
    for previous in folder.checkpoints.glob(f"{_ITERATION}*"):
        if previous != target:
            shutil.rmtree(previous)


def restore_checkpoint(
    algorithm: Any, folder: RunFolder, store: Store, on_poll: Callable[[], None] | None = None
) -> None:
    """Restore the last checkpoint, load the latest policy if it is a later one, and its optimizer if that is used."""
    saved = last_checkpoint(folder, store)
    if saved is not None:
        algorithm.restore_from_path(str(saved))
    learner, latest = algorithm.learner_group, store.policies.require_latest()
    if learner.policy.version != latest.version:
        learner.load_policy(latest.pointer, on_poll)
    optimizer = finished_checkpoint(training_folder(folder.trainings, latest.version))
    if learner.job.settings.keeps_optimizer and optimizer is not None:
        learner.load_state_if_it_fits(optimizer, on_poll)


def last_checkpoint(folder: RunFolder, store: Store) -> Path | None:
    """The last checkpoint, which is in the run's folder wherever that was moved; None if there is none."""
    saved = store.run.state().checkpoint
    if saved is None:
        return None
    candidates = (folder.checkpoints / Path(saved).name, Path(saved))
    return next((path for path in candidates if path.is_dir()), None)
