"""`automathes policies promote` and `rollback`: choose the policy that is served, also while the run goes on.

Nothing is pinned: the loop compares the policies that follow with the one that is served, and promotes by its rule.
"""

import argparse
from collections.abc import Sequence

from cluster.commands.policies.records import require_policy
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.console.output import print_json, print_line
from store.runs.policies import Promotion
from store.store import Store


def promote(arguments: argparse.Namespace) -> int:
    """Serve a policy from now on.

    Raises:
        ConfigError: there is no such run or no such policy, or its folder was pruned or is missing.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    with folder.open_store(folder.read_config()) as store:
        _serve(store, folder, arguments.version, arguments.reason or "by hand", as_json=arguments.json)
    return 0


def roll_back(arguments: argparse.Namespace) -> int:
    """Serve the policy that was promoted before the served one; repeated, it goes back further.

    Raises:
        ConfigError: there is no such run or no such policy, or its folder was pruned or is missing.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    with folder.open_store(folder.read_config()) as store:
        version = promoted_before(store.policies.promotions())
        if version is None:
            raise ConfigError(
                f"run {folder.path.name} has nothing to roll back to: no policy was promoted before the one that is"
                " served. `automathes policies promote VERSION` serves any other"
            )
        _serve(store, folder, version, f"rollback: {arguments.reason or 'by hand'}", as_json=arguments.json)
    return 0


def promoted_before(promotions: Sequence[Promotion]) -> int | None:
    """The version that was promoted before the served one was promoted for the first time; None if none was.

    So one rollback after another goes back step by step, and not to and fro.
    """
    versions = [promotion.version for promotion in promotions]
    first = versions.index(versions[-1]) if versions else 0
    return versions[first - 1] if first > 0 else None


def _serve(store: Store, folder: RunFolder, version: int, reason: str, *, as_json: bool) -> None:
    folder.require_policy(require_policy(store, version))
    before = store.policies.promoted()
    store.policies.promote(version, reason)
    previous = None if before is None else before.version
    if as_json:
        print_json({"run": str(folder.path), "served": version, "before": previous, "reason": reason})
    elif previous == version:
        print_line(f"policy {version} is served already")
    else:
        print_line(f"policy {version} is served from now on{'' if previous is None else f', instead of {previous}'}")
