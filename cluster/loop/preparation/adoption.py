"""What the driver finds in a run's folder at its start: a policy to adopt, folders that were moved, and orphans."""

import logging
import re
import shutil
from pathlib import Path

from cluster.config.run_folder import RunFolder
from cluster.loop.progress import Progress
from learner.checkpoints.folder import remove_checkpoints
from learner.publication import clean_leftovers, is_complete
from learner.publication.record import read_policy_record
from store.records import Policy
from store.store import Store

log = logging.getLogger(__name__)

_VERSION = re.compile(r"v(\d{6,})")


def take_over(store: Store, folder: RunFolder, progress: Progress, *, keeps_optimizer: bool) -> None:
    """Find what belongs to the run in its folder, and remove what the last driver left incomplete."""
    relocate_policies(store, folder)
    policy = adopt_policy(store, folder)
    if policy is not None:
        progress.note(f"policy {policy.version} was published before the run was interrupted; it is used as it is")
    clean_run_folder(store, folder, keeps_optimizer=keeps_optimizer)


def adopt_policy(store: Store, folder: RunFolder) -> Policy | None:
    """Record the policy that the last driver published without recording it, if there is one.

    Only the policy of the latest training set can be it: its folder describes which one that is.
    """
    training = store.training_sets.unpublished()
    if training is None:
        return None
    policy = read_policy_record(folder.policy(training.policy_version))
    if policy is None or (policy.training_set_id, policy.iteration) != (training.id, training.iteration):
        return None
    store.policies.add(policy)
    log.info("policy %d was published and not recorded: it is adopted", policy.version)
    return policy


def relocate_policies(store: Store, folder: RunFolder) -> None:
    """Correct the paths of policies after the run's folder was moved; those beside a store in a file are relative."""
    for policy in store.policies.all():
        present = folder.policy(policy.version)
        if not policy.is_pruned and not Path(policy.path).is_dir() and is_complete(present):
            log.info("policy %d was moved from %s to %s", policy.version, policy.path, present)
            store.policies.relocate(policy.version, str(present))


def clean_run_folder(store: Store, folder: RunFolder, *, keeps_optimizer: bool) -> None:
    """Remove incomplete folders that no policy names, and checkpoints of trainings that are over."""
    versions = {policy.version for policy in store.policies.all()}
    removed = clean_leftovers(folder.policies)
    for path in sorted(folder.policies.glob("v*")):
        match = _VERSION.fullmatch(path.name)
        if match is not None and int(match[1]) not in versions and not is_complete(path):
            shutil.rmtree(path)
            removed.append(path)
    training, latest = store.training_sets.unpublished(), store.policies.require_latest()
    removed += remove_checkpoints(
        folder.checkpoints,
        keep_version=training.policy_version if training is not None else None,
        keep_finished=latest.version if keeps_optimizer else None,
    )
    for path in removed:
        log.info("%s was left by a driver that was interrupted: removed", path)
