"""Checkpoints of the Algorithm, from which a resumed run continues."""

import os
import shutil
from pathlib import Path
from typing import Any

from cluster.config.run_folder import RunFolder
from learner.publication import clean_leftovers
from store.runs.run_state import ActualState
from store.store import Store


def save_checkpoint(algorithm: Any, folder: RunFolder, store: Store) -> None:
    """Save the Algorithm (RLlib's `save_to_path`) aside, rename it into place, and delete the previous checkpoint."""
    iteration = algorithm.position().iterations_done
    target = folder.checkpoints / f"iteration-{iteration:04d}"
    aside = folder.checkpoints / f".tmp-{target.name}-{os.getpid()}"
    clean_leftovers(folder.checkpoints)  # of drivers that were killed while they saved
    algorithm.save_to_path(str(aside))
    shutil.rmtree(target, ignore_errors=True)
    aside.rename(target)
    previous = store.run.state().checkpoint
    store.run.set_actual(ActualState.RUNNING, iteration=iteration, checkpoint=str(target))
    # The previous checkpoint of a copied run folder lies in the original run, which must keep it.
    if previous is not None and Path(previous) != target and Path(previous).parent == folder.checkpoints:
        shutil.rmtree(previous, ignore_errors=True)


def restore_checkpoint(algorithm: Any, store: Store) -> None:
    """Restore the last checkpoint, and load the latest policy if one was published after it."""
    saved = store.run.state().checkpoint
    if saved is None or not Path(saved).is_dir():
        return
    algorithm.restore_from_path(saved)
    latest = store.policies.latest()
    if latest is not None and algorithm.learner_group.policy.version != latest.version:
        algorithm.learner_group.load_policy(latest.pointer)
