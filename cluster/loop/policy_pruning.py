"""Pruning of policies: removes the folders of those that the retention rule does not keep."""

import logging

from cluster.config.run_folder import RunFolder
from cluster.loop.heldout import HELDOUT
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, name_of
from store.settings import PolicyRetentionSettings
from store.store import Store

log = logging.getLogger(__name__)


def prune_policies(store: Store, folder: RunFolder, settings: PolicyRetentionSettings) -> list[int]:
    """Prune policies by rule; returns the versions that are pruned from now on.

    The store marks them first, so that nothing begins to use them. Folders that an interrupted call left are removed by
    the next one. One that cannot be removed is logged, and holds nothing up.
    """
    pruned = store.policies.prune(settings, HELDOUT)
    try:
        present = set(folder_at(folder.policies).folders())
    except OSError as error:
        log.warning("the folders of pruned policies were not removed, a later pruning retries: %s", error)
        present = set()
    for policy in store.policies.all():
        place = folder.policy(policy.version)
        if policy.is_pruned and name_of(place) in present:
            _remove(place)
    if pruned:
        log.info("pruned the folders of policies %s", ", ".join(map(str, pruned)))
    return pruned


def folder_bytes(location: Location) -> int:
    """The size of the files in a folder."""
    return sum(folder_at(location).sizes().values())


def _remove(place: Location) -> None:
    """Remove a pruned policy, so that it is whole or absent."""
    try:
        folder_at(place).remove()
    except OSError as error:
        log.warning("the pruned policy in %s was not removed, a later pruning retries: %s", place, error)
