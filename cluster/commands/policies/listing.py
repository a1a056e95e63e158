"""`automathes policies list`: the policies of a run."""

import argparse

from cluster.commands.policies.records import read_policies
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json
from cluster.console.tables.policy_tables import print_policies


def list_policies(arguments: argparse.Namespace) -> int:
    """List the policies of a run as a table, or as one JSON object per line.

    Raises:
        ConfigError: there is no such run.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store:
        policies = read_policies(store, folder, config)
    if arguments.json:
        for policy in policies:
            print_json(policy)
    else:
        print_policies(policies)
    return 0
