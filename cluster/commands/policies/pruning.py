"""`automathes policies prune`: remove the folders of policies that the retention rule does not keep."""

import argparse
from typing import Any

from cluster.commands.policies.records import read_policies
from cluster.config.options import checked
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json, print_line
from cluster.console.tables.policy_tables import print_policies, size_text
from cluster.loop.policy_pruning import prune_policies
from store.settings import PolicyRetentionSettings


def prune(arguments: argparse.Namespace) -> int:
    """Prune the policies of a run, or with `--dry-run` only list what would be removed. Safe while the run goes on.

    Raises:
        ConfigError: there is no such run, or no rule.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    settings = _settings(arguments, config)
    with folder.open_store(config) as store:
        before = read_policies(store, folder, config.model_copy(update={"policies": settings}))
        removed = [one["version"] for one in before if not one["kept_as"] and not one["pruned"]]
        if not arguments.dry_run:
            removed = prune_policies(store, folder, settings)
    freed = sum(one["bytes"] or 0 for one in before if one["version"] in removed)
    if arguments.json:
        print_json({"run": str(folder.path), "pruned": removed, "bytes": freed, "dry_run": arguments.dry_run})
        return 0
    if arguments.dry_run:
        print_policies(before)
    print_line(_summary(removed, freed, is_dry=arguments.dry_run))
    return 0


def _settings(arguments: argparse.Namespace, config: RunConfig) -> PolicyRetentionSettings:
    options = {name: getattr(arguments, name) for name in ("keep_last", "keep_promoted")}
    given = {name: value for name, value in options.items() if value is not None}
    if config.policies is None and "keep_last" not in given:
        raise ConfigError(
            "the configuration of this run keeps all policies: say how many to keep, such as --keep-last 2"
        )
    base: dict[str, Any] = config.policies.model_dump() if config.policies else {}
    return checked(PolicyRetentionSettings, base | given)


def _summary(removed: list[int], freed: int, *, is_dry: bool) -> str:
    if not removed:
        return "nothing to prune"
    names = ", ".join(f"v{version}" for version in removed)
    return f"{'would prune' if is_dry else 'pruned'} {names} ({size_text(freed)})"
