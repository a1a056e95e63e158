"""The parsers of `automathes policies`."""

import argparse

from cluster.parsers.common import Commands, add_command, add_run_options, count


def add_policies(commands: Commands) -> None:
    """The parser of `automathes policies` with its actions."""
    parser = commands.add_parser("policies", help="list, show, promote, roll back or prune policies")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_list(actions)
    _add_show(actions)
    _add_promote(actions)
    _add_rollback(actions)
    _add_prune(actions)


def _add_list(actions: Commands) -> None:
    text = "list the policies of a run: origin, pass@1, decision, size, and what keeps each from being pruned"
    parser = add_command(actions, "list", "policies.listing:list_policies", text, "automathes policies list")
    _add_common(parser, json="print one JSON object per line")


def _add_show(actions: Commands) -> None:
    text = "show a policy: lineage, training set, lag, figures, and what it was compared with"
    parser = add_command(actions, "show", "policies.showing:show_policy", text, "automathes policies show 3")
    _add_version(parser)
    _add_common(parser)


def _add_promote(actions: Commands) -> None:
    text = "serve a policy from now on, also while the run goes on, which compares later policies with it"
    example = "automathes policies promote 3 --reason 'shorter solutions'"
    parser = add_command(actions, "promote", "policies.promoting:promote", text, example)
    _add_version(parser)
    _add_reason(parser)
    _add_common(parser)


def _add_rollback(actions: Commands) -> None:
    text = "serve the policy that was promoted before the one that is served"
    example = "automathes policies rollback --reason 'wrong answers in production'"
    parser = add_command(actions, "rollback", "policies.promoting:roll_back", text, example)
    _add_reason(parser)
    _add_common(parser)


def _add_prune(actions: Commands) -> None:
    text = "remove the folders of policies by the rule of `policies` in the configuration"
    example = "automathes policies prune --keep-last 3 --dry-run"
    parser = add_command(actions, "prune", "policies.pruning:prune", text, example)
    parser.add_argument("--keep-last", type=count, metavar="N", help="latest policies to keep (default: as configured)")
    parser.add_argument(
        "--keep-promoted", type=count, metavar="N", help="latest promoted policies to keep (default: as configured)"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be removed, and what is kept why")
    _add_common(parser)


def _add_version(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("version", type=count, metavar="VERSION", help="version, as `policies list` shows it")


def _add_reason(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", help="stored with the promotion (default: by hand)")


def _add_common(parser: argparse.ArgumentParser, json: str = "print one JSON object") -> None:
    parser.add_argument("--json", action="store_true", help=json)
    add_run_options(parser)
