"""Pruning of policies: removes the folders of those that the retention rule does not keep."""

import logging
import shutil
from pathlib import Path

from cluster.config.run_folder import RunFolder
from cluster.loop.promotion import HELDOUT
from store.records import Policy
from store.settings import PolicyRetentionSettings
from store.store import Store

log = logging.getLogger(__name__)


def prune_policies(store: Store, folder: RunFolder, settings: PolicyRetentionSettings) -> list[int]:
    """Prune policies by rule; returns the versions that are pruned from now on.

    The store marks them first, so that nothing begins to use them. Folders that an interrupted call left are removed by
    the next one. One that cannot be removed is logged, and holds nothing up.
    """
    pruned = store.policies.prune(settings, HELDOUT)
    for policy in store.policies.all():
        if policy.is_pruned:
            _remove(policy, folder)
    if pruned:
        log.info("pruned the folders of policies %s", ", ".join(map(str, pruned)))
    return pruned


def folder_bytes(path: Path) -> int:
    """The size of the files in a folder."""
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _remove(policy: Policy, folder: RunFolder) -> None:
    """Remove a policy's folder in the run's folder; renamed first, so that it is whole or absent."""
    path = folder.policy(policy.version)
    aside = path.with_name(f".{path.name}.pruned")
    try:
        if path.is_dir():
            path.replace(aside)
        if aside.is_dir():
            shutil.rmtree(aside)
    except OSError as error:
        log.warning(
            "the folder of pruned policy %d was not removed, a later pruning retries: %s", policy.version, error
        )
