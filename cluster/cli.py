"""The command line: the parser and `main`. Handlers are imported once a command is chosen, so that `--help` is fast."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from cluster.console.errors import run_with_short_errors

type Commands = argparse._SubParsersAction[argparse.ArgumentParser]
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
    _add_control(commands)
    _add_status(commands)
    _add_problems(commands)
    _add_review(commands)
    _add_export(commands)
    _add_eval(commands)
    _add_report(commands)
    _add_serve(commands)
    _add_doctor(commands)
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


def _add_command(commands: Commands, name: str, handler: str, text: str, example: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(handler=f"cluster.commands.{handler}")
    return parser


def _add_run_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="folder of the run (default: the latest run)")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="folder of all runs (default: runs)"
    )


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of 0 or more")
    return int(text)


# ---------------------------------------------------------------- run, pause, resume, stop, status


def _add_run(commands: Commands) -> None:
    parser = _add_command(commands, "run", "run:run", "start a run, or resume one", "automathes run --preset demo")
    parser.add_argument("--preset", metavar="NAME", help="demo, smollm2 or 7b")
    parser.add_argument("--config", type=Path, metavar="FILE", help="TOML file, on top of the preset that it names")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="overrides",
        help="set one key (a.b=c); repeatable",
    )
    _add_run_options(parser)
    parser.add_argument("--name", metavar="NAME", help="name of the run; a number is added (default: the preset)")
    parser.add_argument(
        "--iterations",
        type=_count,
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
        parser = _add_command(commands, name, "control:control", text, f"automathes {name}")
        _add_run_options(parser)
        parser.set_defaults(desired=desired)


def _add_status(commands: Commands) -> None:
    parser = _add_command(commands, "status", "status:status", "show the status of a run", "automathes status --watch")
    _add_run_options(parser)
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
    parser = _add_command(
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
    add("--limit", type=_count, metavar="N", help="import the first N rows")
    add("--name", metavar="NAME", help="stored as the problems' source (default: the file's name)")
    add("--config", action="append", metavar="NAME", help="Hugging Face: name; reasoning-gym: KEY=VALUE, repeatable")
    add("--dataset-split", metavar="NAME", help="Hugging Face: split of the data set (default: train)")
    add("--revision", metavar="NAME", help="Hugging Face: revision of the data set")
    add("--size", type=_count, metavar="N", help="reasoning-gym: number of problems (default: 500)")
    add("--seed", type=_count, metavar="N", help="reasoning-gym: seed")
    add(
        "--split-by",
        choices=("operands", "question"),
        help="reasoning-gym: what makes two problems the same (default: operands in plain arithmetic)",
    )
    add("--heldout-fraction", type=float, metavar="SHARE", help="share that is held out, by hash (default: 0.1)")
    add("--split", choices=("train", "heldout"), help="put all problems into one split")
    add("--json", action="store_true", help="print one JSON object")
    _add_run_options(parser)


def _add_problems_list(actions: Commands) -> None:
    example = "automathes problems list --split heldout"
    parser = _add_command(actions, "list", "problems:list_problems", "list problems of a run", example)
    parser.add_argument("--split", choices=("train", "heldout", "excluded"), help="only of this split")
    parser.add_argument(
        "--left-out", action="store_true", help="list near-duplicates and template twins of held-out problems"
    )
    parser.add_argument("--limit", type=_count, default=20, metavar="N", help="at most N (default: 20)")
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    _add_run_options(parser)


def _add_problems_show(actions: Commands) -> None:
    text = "show a problem, its label history and the outcomes of its rollouts"
    example = "automathes problems show gsm8k/train-3f2a81c09d1e"
    parser = _add_command(actions, "show", "problems:show_problem", text, example)
    parser.add_argument("id", metavar="ID", help="id of the problem, as `problems list` shows it")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _add_run_options(parser)


def _add_problems_audit(actions: Commands) -> None:
    text = "find labels that attempts contradict, and open a review for each"
    parser = _add_command(actions, "audit", "problems_audit:audit_labels", text, "automathes problems audit")
    parser.add_argument("--split", choices=("train", "heldout"), help="only of this split")
    parser.add_argument("--min-score", type=float, metavar="P", help="lowest probability of an error (default: 0.9)")
    parser.add_argument("--min-agreeing", type=_count, metavar="N", help="attempts that must agree (default: 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _add_run_options(parser)


def _add_review(commands: Commands) -> None:
    parser = _add_command(
        commands,
        "review",
        "review:review",
        "review labels in doubt, and accept or reject their corrections",
        """automathes review
         automathes review 3 7 --accept --reason 'checked by hand'""",
    )
    parser.add_argument("ids", nargs="*", type=_count, metavar="ID", help="reviews to show or decide on")
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument("--accept", action="store_true", help="correct the label, and rescore its rollouts")
    decision.add_argument("--reject", action="store_true", help="keep the label")
    decision.add_argument("--list", action="store_true", help="list the reviews (default without a terminal)")
    parser.add_argument("--reason", metavar="TEXT", help="reason for the decision, for the label's history")
    parser.add_argument("--by", metavar="NAME", help="author of the decision (default: the user)")
    parser.add_argument("--status", choices=("open", "accepted", "rejected", "all"), help="by status (default: open)")
    parser.add_argument("--limit", type=_count, metavar="N", help="list at most N")
    parser.add_argument("--json", action="store_true", help="print JSON: a line per listed review, or reviews in full")
    _add_run_options(parser)


# ---------------------------------------------------------------- export, eval, report, serve, doctor


def _add_export(commands: Commands) -> None:
    parser = _add_command(
        commands,
        "export",
        "export:export",
        "export rollouts as a data set: conversations, segments and provenance",
        """automathes export solutions --format parquet --distinct
         automathes export mistakes --outcome wrong --policy 3
         (if interrupted, the same command continues)""",
    )
    add = parser.add_argument
    rejected = ("wrong", "no_answer", "truncated", "repetitive", "unparsable")
    outcomes = ("accepted", *rejected, "undecided", "unverifiable", "any")
    purposes = ("train", "eval", "demonstration")
    supports = ("supported", "unsupported", "no_code")
    add("folder", type=Path, help="new folder to write")
    add("--format", choices=("jsonl", "parquet", "datasets"), default="jsonl", help="datasets: for load_from_disk")
    add("--outcome", action="append", choices=outcomes, default=[], help="repeatable (default: accepted)")
    add("--support", action="append", choices=supports, default=[], help="of accepted rollouts; repeatable")
    add("--split", action="append", choices=("train", "heldout"), help="repeatable (default: train only)")
    add("--purpose", action="append", choices=purposes, default=[], help="repeatable (default: all)")
    add("--policy", action="append", type=_count, default=[], metavar="VERSION", help="only its rollouts; repeatable")
    add("--iteration", action="append", type=_count, default=[], metavar="N", help="only its rollouts; repeatable")
    add("--training-set", type=_count, metavar="ID", help="only the rollouts of this training set")
    add("--distinct", action="store_true", help="each distinct solution of a problem once")
    add("--token-ids", action="store_true", help="include token ids, mask and log-probabilities of the model's tokens")
    add("--json", action="store_true", help="print one JSON object")
    _add_run_options(parser)


def _add_eval(commands: Commands) -> None:
    text = "evaluate a policy of a run on its held-out problems"
    parser = _add_command(commands, "eval", "evaluate:evaluate", text, "automathes eval --samples 8")
    _add_run_options(parser)
    add = parser.add_argument
    add("--policy", type=_count, metavar="VERSION", help="policy to evaluate (default: the promoted one)")
    add("--samples", type=_count, default=1, metavar="K", help="1: greedy pass@1; more: pass@k and maj@k")
    add("--problems", type=_count, metavar="N", help="number of problems (default: as configured)")
    add("--temperature", type=float, metavar="T", help="default: greedy for one sample, otherwise as configured")
    add("--json", action="store_true", help="print one JSON object")


def _add_report(commands: Commands) -> None:
    text = "write a run's report as one HTML page"
    parser = _add_command(commands, "report", "report:report", text, "automathes report")
    _add_run_options(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="file (default: report.html in the run's folder)")


def _add_serve(commands: Commands) -> None:
    text = "serve the promoted policy over the OpenAI chat completions API"
    parser = _add_command(commands, "serve", "serve:serve", text, "automathes serve --port 8000")
    _add_run_options(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=_count, default=8000, help="port to listen on (default: 8000; 0: any free port)")


def _add_doctor(commands: Commands) -> None:
    text = "check this machine for everything that a run needs"
    parser = _add_command(commands, "doctor", "doctor:doctor", text, "automathes doctor")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
