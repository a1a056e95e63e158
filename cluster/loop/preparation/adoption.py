"""What the driver finds of a run at its start: a policy to adopt, folders that were moved, and orphans."""

import logging
import re
from pathlib import Path

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.loop.progress import Progress
from learner.checkpoints.folder import remove_checkpoints
from learner.publication import clean_leftovers, is_complete
from learner.publication.record import read_policy_record
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, is_url, join
from store.records import Policy
from store.store import Store

log = logging.getLogger(__name__)

_VERSION = re.compile(r"v(\d{6,})")


def take_over(store: Store, folder: RunFolder, progress: Progress, *, keeps_optimizer: bool) -> None:
    """Find what belongs to the run in its folder or under its URL, and remove what the last driver left incomplete.

    Raises:
        ConfigError: policies of the run are not under the URL that its configuration has now.
        StorageError: the storage cannot be reached.
    """
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
    """Correct the paths of policies after the run was moved; those beside a store in a file are relative.

    Raises:
        ConfigError: the run has a URL, and a policy is not there: other nodes could not load it.
    """
    for policy in store.policies.all():
        present = folder.policy(policy.version)
        if policy.is_pruned or policy.path == str(present) or (_is_here(policy.path) and not is_url(present)):
            continue
        if is_complete(present):
            log.info("policy %d was moved from %s to %s", policy.version, policy.path, present)
            store.policies.relocate(policy.version, str(present))
        elif is_url(present):
            raise ConfigError(
                f"storage.url: policy {policy.version} is in {policy.path}, and not at {present}: copy the policies of "
                "the run there first (with the client of the storage, such as `aws s3 cp --recursive`), or keep the "
                "setting as it was"
            )


def _is_here(path: str) -> bool:
    return not is_url(path) and Path(path).is_dir()


def clean_run_folder(store: Store, folder: RunFolder, *, keeps_optimizer: bool) -> None:
    """Remove incomplete folders that no policy names, and checkpoints of trainings that are over."""
    versions = {policy.version for policy in store.policies.all()}
    removed: list[Location] = [*clean_leftovers(folder.policies)]
    for name in folder_at(folder.policies).folders():
        match, place = _VERSION.fullmatch(name), join(folder.policies, name)
        if match is not None and int(match[1]) not in versions and not is_complete(place):
            folder_at(place).remove()
            removed.append(place)
    training, latest = store.training_sets.unpublished(), store.policies.require_latest()
    removed += remove_checkpoints(
        folder.trainings,
        keep_version=training.policy_version if training is not None else None,
        keep_finished=latest.version if keeps_optimizer else None,
    )
    for place in removed:
        log.info("%s was left by a driver that was interrupted: removed", place)
