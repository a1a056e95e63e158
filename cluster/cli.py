"""The command line: the parser and `main`. Handlers are imported once a command is chosen, so that `--help` is fast."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from cluster.console.errors import run_with_short_errors
from cluster.parsers import results
from cluster.parsers.annotation import add_annotate
from cluster.parsers.augmentation import add_augment
from cluster.parsers.benchmarks import add_bench
from cluster.parsers.common import Commands, add_command, add_config_options, add_run_options, count
from cluster.parsers.monitoring import add_monitor
from cluster.parsers.planning import add_plan
from cluster.parsers.policies import add_policies
from cluster.parsers.problems import add_problems
from cluster.parsers.reproduction import add_reproduce
from cluster.parsers.review import add_review
from cluster.parsers.values import add_value

type Handler = Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong use."""
    arguments = make_parser().parse_args(argv)
    if arguments.debug:
        return load_handler(arguments.handler)(arguments)
    return run_with_short_errors(lambda: load_handler(arguments.handler)(arguments))


def load_handler(name: str) -> Handler:
    """Import the function that runs a command, named as `package.module:function`."""
    module, _, function = name.partition(":")
    handler: Handler = getattr(import_module(module), function)
    return handler


def make_parser() -> argparse.ArgumentParser:
    """The parser with all commands. Each sets `handler`, the name of the function that runs it."""
    parser = argparse.ArgumentParser(
        prog="automathes", description="Self-training for language models that solve mathematics by writing Python."
    )
    parser.add_argument("--version", action=_ShowVersion)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    add_plan(commands)
    _add_control(commands)
    _add_scale(commands)
    _add_status(commands)
    add_problems(commands)
    add_annotate(commands)
    add_augment(commands)
    add_policies(commands)
    add_review(commands)
    results.add_export(commands)
    results.add_eval(commands)
    add_value(commands)
    add_bench(commands)
    add_reproduce(commands)
    results.add_report(commands)
    results.add_serve(commands)
    results.add_api(commands)
    add_monitor(commands)
    results.add_doctor(commands)
    return parser


class _ShowVersion(argparse.Action):
    """Print the installed version, which is looked up on demand."""

    def __init__(self, option_strings: Sequence[str], dest: str) -> None:
        super().__init__(
            option_strings, argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, help="print the version and exit"
        )

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        sys.stdout.write(f"{parser.prog} {version('automathes')}\n")
        parser.exit()


# ---------------------------------------------------------------- run, pause, resume, stop, status


def _add_run(commands: Commands) -> None:
    parser = add_command(commands, "run", "run:run", "start a run, or resume one", "automathes run --preset demo")
    add_config_options(parser)
    add_run_options(parser)
    parser.add_argument("--name", metavar="NAME", help="name of the run; a number is added (default: the preset)")
    parser.add_argument(
        "--iterations",
        type=count,
        metavar="N",
        help="iterations to run, with --resume further ones (default: as configured)",
    )
    parser.add_argument("--resume", action="store_true", help="resume the latest run, or the one of --run")
    parser.add_argument("--dry-run", action="store_true", help="print the configuration and the plan, and exit")


def _add_control(commands: Commands) -> None:
    for name, desired, text in (
        ("pause", "paused", "pause a run until `resume`; nothing is lost"),
        ("resume", "running", "resume a paused run"),
        ("stop", "stopped", "stop a run at its next safe point; `run --resume` continues it"),
    ):
        parser = add_command(commands, name, "control:control", text, f"automathes {name}")
        add_run_options(parser)
        parser.set_defaults(desired=desired)


def _add_scale(commands: Commands) -> None:
    parser = add_command(
        commands,
        "scale",
        "control:scale",
        "set the number of samplers of a run, also while it goes on",
        "automathes scale --samplers 8",
    )
    add_run_options(parser)
    parser.add_argument("--samplers", type=count, required=True, metavar="N", help="samplers that the run should have")


def _add_status(commands: Commands) -> None:
    parser = add_command(commands, "status", "status:status", "show the status of a run", "automathes status --watch")
    add_run_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--watch", action="store_true", help="refresh every two seconds until Ctrl-C")
