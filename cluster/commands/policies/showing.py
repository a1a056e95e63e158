"""`automathes policies show`: one policy in full."""

import argparse

from cluster.commands.policies.records import read_policy
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json
from cluster.console.tables.policy_tables import print_policy


def show_policy(arguments: argparse.Namespace) -> int:
    """Show where a policy comes from, what it was trained on, and what its promotion was decided by.

    Raises:
        ConfigError: there is no such run, or it has no such policy.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store:
        policy = read_policy(store, folder, config, arguments.version)
    if arguments.json:
        print_json(policy, indent=2)
    else:
        print_policy(policy)
    return 0
