"""The command line: the parser and `main`. Handlers are imported once a command is chosen, so that `--help` is fast."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from cluster.console.errors import run_with_short_errors
from cluster.parsers import results
from cluster.parsers.common import Commands, add_command, add_config_options, add_run_options, count
from cluster.parsers.planning import add_plan
from cluster.parsers.policies import add_policies

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
    _add_problems(commands)
    add_policies(commands)
    _add_review(commands)
    results.add_export(commands)
    results.add_eval(commands)
    results.add_report(commands)
    results.add_serve(commands)
    results.add_api(commands)
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


# ---------------------------------------------------------------- problems, review


def _add_problems(commands: Commands) -> None:
    parser = commands.add_parser("problems", help="import, list, show or audit problems")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_problems_import(actions)
    _add_problems_list(actions)
    _add_problems_show(actions)
    _add_problems_audit(actions)


def _add_problems_import(actions: Commands) -> None:
    parser = add_command(
        actions,
        "import",
        "problems_import:import_problems",
        "import problems into a run's store, all of them or none",
        """automathes problems import problems.jsonl --map question=problem
         automathes problems import openai/gsm8k --from huggingface --config main --answer-from gsm8k
         automathes problems import chain_sum --from reasoning_gym --size 500 --config max_terms=4""",
    )
    add = parser.add_argument
    add("source", help="a .jsonl or .parquet file, a Hugging Face data set, or a reasoning-gym data set")
    kinds = ("jsonl", "parquet", "huggingface", "reasoning_gym")
    add("--from", dest="kind", choices=kinds, help="kind of source (default: by the file's suffix)")
    add("--map", action="append", default=[], metavar="OURS=THEIRS", help="rename a source field; repeatable")
    add("--answer-from", choices=("plain", "gsm8k", "boxed"), help="how the answer is written")
    add(
        "--template-twins",
        choices=("leave_out", "train"),
        help="training problems that are a held-out one with other numbers or names (default: leave_out)",
    )
    add(
        "--skip-labels",
        choices=("none", "no_answer", "unreadable"),
        help='labels to leave out: those that are no answer, such as "proof" (default), those that the answer checker '
        "cannot read too, or none",
    )
    add("--bad-rows", choices=("refuse", "skip"), help="refuse the import for a bad row, or skip the row")
    add("--limit", type=count, metavar="N", help="import the first N rows")
    add("--name", metavar="NAME", help="stored as the problems' source (default: the file's name)")
    add("--config", action="append", metavar="NAME", help="Hugging Face: name; reasoning-gym: KEY=VALUE, repeatable")
    add("--dataset-split", metavar="NAME", help="Hugging Face: split of the data set (default: train)")
    add("--revision", metavar="NAME", help="Hugging Face: revision of the data set")
    add("--size", type=count, metavar="N", help="reasoning-gym: number of problems (default: 500)")
    add("--seed", type=count, metavar="N", help="reasoning-gym: seed")
    add(
        "--split-by",
        choices=("operands", "question"),
        help="reasoning-gym: what makes two problems the same (default: operands in plain arithmetic)",
    )
    add("--heldout-fraction", type=float, metavar="SHARE", help="share that is held out, by hash (default: 0.1)")
    add("--split", choices=("train", "heldout"), help="put all problems into one split")
    add("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def _add_problems_list(actions: Commands) -> None:
    example = "automathes problems list --split heldout"
    parser = add_command(actions, "list", "problems:list_problems", "list problems of a run", example)
    parser.add_argument("--split", choices=("train", "heldout", "excluded"), help="only of this split")
    parser.add_argument(
        "--left-out", action="store_true", help="list near-duplicates and template twins of held-out problems"
    )
    parser.add_argument("--limit", type=count, default=20, metavar="N", help="at most N (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    add_run_options(parser)


def _add_problems_show(actions: Commands) -> None:
    text = "show a problem, its label history, the outcomes of its rollouts and why it is attempted often or rarely"
    example = """automathes problems show gsm8k/train-3f2a81c09d1e
         automathes problems show 'how many eggs'"""
    parser = add_command(actions, "show", "problems:show_problem", text, example)
    parser.add_argument("id", metavar="ID", help="id of the problem, or a part of its id or question")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def _add_problems_audit(actions: Commands) -> None:
    text = "find labels that attempts contradict, and open a review for each"
    parser = add_command(actions, "audit", "problems_audit:audit_labels", text, "automathes problems audit")
    parser.add_argument("--split", choices=("train", "heldout"), help="only of this split")
    parser.add_argument("--min-score", type=float, metavar="P", help="lowest probability of an error (default: 0.9)")
    parser.add_argument("--min-agreeing", type=count, metavar="N", help="attempts that must agree (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def _add_review(commands: Commands) -> None:
    parser = add_command(
        commands,
        "review",
        "review:review",
        "review labels in doubt, and accept or reject their corrections",
        """automathes review
         automathes review 3 7 --accept --reason 'checked by hand'""",
    )
    parser.add_argument("ids", nargs="*", type=count, metavar="ID", help="reviews to show or decide on")
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument("--accept", action="store_true", help="correct the label, and rescore its rollouts")
    decision.add_argument("--reject", action="store_true", help="keep the label")
    decision.add_argument("--list", action="store_true", help="list the reviews (default without a terminal)")
    parser.add_argument("--reason", metavar="TEXT", help="reason for the decision, for the label's history")
    parser.add_argument("--by", metavar="NAME", help="author of the decision (default: the user)")
    parser.add_argument("--status", choices=("open", "accepted", "rejected", "all"), help="by status (default: open)")
    parser.add_argument("--limit", type=count, metavar="N", help="list at most N")
    parser.add_argument("--json", action="store_true", help="print JSON: a line per listed review, or reviews in full")
    add_run_options(parser)
