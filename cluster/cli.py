"""The command line. Nothing heavy is imported before the arguments are checked, so that `--help` is instant."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

RUNS = Path("runs")

DONE, FAILED, WRONG_USE = 0, 1, 2


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0 when it is done, 1 when it failed, 2 for wrong use."""
    parser = make_parser()
    arguments = parser.parse_args(argv)
    if arguments.debug:
        return int(arguments.command(arguments))
    return _with_short_errors(arguments.command, arguments)


def make_parser() -> argparse.ArgumentParser:
    """The parser with all commands."""
    parser = argparse.ArgumentParser(
        prog="automathes", description="Self-training for language models that do mathematics by writing Python."
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    _add_run(commands)
    _add_requests(commands)
    _add_status(commands)
    _add_problems(commands)
    _add_review(commands)
    _add_export(commands)
    _add_eval(commands)
    _add_report(commands)
    _add_serve(commands)
    _add_doctor(commands)
    return parser


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], int],
    text: str,
    example: str,
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name,
        help=text,
        description=text[0].upper() + text[1:] + ".",
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(command=run)
    return parser


def _takes_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--run", type=Path, metavar="FOLDER", help="the run's folder (default: the latest one)")
    parser.add_argument("--runs", type=Path, default=RUNS, metavar="FOLDER", help="where runs are (default: runs)")


def _takes_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", metavar="NAME", help="demo, smollm2 or 7b")
    parser.add_argument("--config", type=Path, metavar="FILE", help="a TOML file, on top of the preset that it names")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="change one key, as in a.b=c"
    )


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return int(text)


# ---------------------------------------------------------------- run


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "run", _run, "start a run, or go on with one", "automathes run --preset demo")
    _takes_config(parser)
    _takes_run(parser)
    parser.add_argument("--name", metavar="NAME", help="of the run's folder, a number is added (default: the preset)")
    parser.add_argument(
        "--iterations", type=_count, metavar="N", help="iterations of self-training (with --resume: more)"
    )
    parser.add_argument("--resume", action="store_true", help="go on with the latest run, or with --run FOLDER")
    parser.add_argument(
        "--dry-run", action="store_true", help="print the resolved configuration and the plan, run nothing"
    )


def _run(arguments: argparse.Namespace) -> int:
    from cluster.commands.run import resume_run, start_run
    from cluster.config.placement import place_here
    from cluster.config.run_config import ConfigError, load_config
    from cluster.console.live_view import make_progress
    from cluster.console.terminal import own_console

    if arguments.resume and (arguments.preset or arguments.config):
        raise ConfigError(
            "--resume goes on with the run's own configuration: leave --preset and --config out, or use --set"
        )
    if arguments.resume and (arguments.dry_run or arguments.name):
        option = "--dry-run" if arguments.dry_run else "--name"
        raise ConfigError(f"{option} is for a new run: leave it out, or leave --resume out")
    if arguments.run and not arguments.resume:
        raise ConfigError("--run names an existing run: add --resume to go on with it, or use --name for a new one")
    progress = make_progress(own_console())
    if arguments.resume:
        resume_run(arguments.runs, arguments.run, arguments.overrides, arguments.iterations, progress)
        return DONE
    config = place_here(load_config(arguments.preset, arguments.config, arguments.overrides))
    if arguments.dry_run:
        from cluster.commands.dry_run import print_plan

        print_plan(config, arguments.runs)
        return DONE
    start_run(config, arguments.runs, arguments.name, arguments.iterations, progress)
    return DONE


# ---------------------------------------------------------------- pause, resume, stop


def _add_requests(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    for name, desired, text in (
        ("pause", "paused", "let a run hold still until `resume`; nothing is lost"),
        ("resume", "running", "let a paused run go on"),
        ("stop", "stopped", "end a run at its next safe point; `run --resume` goes on with it"),
    ):
        parser = _command(commands, name, _request, text, f"automathes {name}")
        _takes_run(parser)
        parser.set_defaults(desired=desired)


def _request(arguments: argparse.Namespace) -> int:
    from cluster.commands.control import ask

    print(ask(arguments.runs, arguments.run, arguments.desired))  # noqa: T201
    return DONE


# ---------------------------------------------------------------- status, report


def _add_status(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "status", _status, "show where a run stands", "automathes status --watch")
    _takes_run(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--watch", action="store_true", help="show it again every two seconds, until Ctrl-C")


def _status(arguments: argparse.Namespace) -> int:
    from cluster.commands.status import show_status

    return show_status(arguments.runs, arguments.run, as_json=arguments.json, watch=arguments.watch)


def _add_report(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "report", _report, "write a run's report as one HTML page", "automathes report")
    _takes_run(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="(default: report.html in the run's folder)")


def _report(arguments: argparse.Namespace) -> int:
    from cluster.commands.report import write_report

    print(f"report written to {write_report(arguments.runs, arguments.run, arguments.output)}")  # noqa: T201
    return DONE


# ---------------------------------------------------------------- problems


def _add_problems(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("problems", help="import, list, show or audit problems")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_problems_import(actions)
    show = _command(
        actions, "list", _list_problems, "list problems of a run", "automathes problems list --split heldout"
    )
    show.add_argument("--split", choices=("train", "heldout", "excluded"))
    show.add_argument("--left-out", action="store_true", help="what imports left out for being like a held-out problem")
    show.add_argument("--limit", type=_count, default=20, metavar="N")
    show.add_argument("--json", action="store_true", help="one JSON object a line")
    _takes_run(show)
    one = _command(
        actions,
        "show",
        _show_problem,
        "show a problem, the history of its label and what became of its attempts",
        "automathes problems show gsm8k/train-3f2a81c09d1e",
    )
    one.add_argument("id", metavar="ID", help="as `problems list` shows it")
    one.add_argument("--json", action="store_true", help="print one JSON object")
    _takes_run(one)
    audit = _command(
        actions,
        "audit",
        _audit_problems,
        "find labels that attempts agree against, and open a review for each",
        "automathes problems audit",
    )
    audit.add_argument("--split", choices=("train", "heldout"), help="look at one side alone")
    audit.add_argument("--min-score", type=float, metavar="P", help="name what is this likely wrong (default: 0.9)")
    audit.add_argument("--min-agreeing", type=_count, metavar="N", help="attempts that must agree (default: 3)")
    audit.add_argument("--json", action="store_true", help="print one JSON object")
    _takes_run(audit)


def _add_problems_import(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    add = _command(
        actions,
        "import",
        _import_problems,
        "import problems into a run's store, all of them or none",
        """automathes problems import problems.jsonl --map question=problem
         automathes problems import openai/gsm8k --from huggingface --config main --answer-from gsm8k
         automathes problems import chain_sum --from reasoning_gym --size 500 --config max_terms=4""",
    )
    add.add_argument("source", help="a .jsonl or .parquet file, a data set's id, or reasoning-gym's name for one")
    add.add_argument(
        "--from",
        dest="kind",
        choices=("jsonl", "parquet", "huggingface", "reasoning_gym"),
        help="what the source is (default: by its suffix)",
    )
    add.add_argument(
        "--map", action="append", default=[], metavar="OURS=THEIRS", help="which field holds question, answer, id, ..."
    )
    add.add_argument("--answer-from", choices=("plain", "gsm8k", "boxed"), help="how the answer is written")
    add.add_argument("--bad-rows", choices=("refuse", "skip"), help="refuse all for a bad row, or skip it")
    add.add_argument("--limit", type=_count, metavar="N", help="take the first N rows")
    add.add_argument("--name", metavar="NAME", help="kept as the problems' source (default: the file's)")
    add.add_argument(
        "--config", action="append", metavar="NAME", help="of a data set; of reasoning-gym KEY=VALUE, repeatable"
    )
    add.add_argument("--dataset-split", metavar="NAME", help="of a data set of Hugging Face (default: train)")
    add.add_argument("--revision", metavar="NAME", help="of a data set of Hugging Face")
    add.add_argument("--size", type=_count, metavar="N", help="problems that reasoning-gym makes (default: 500)")
    add.add_argument("--seed", type=_count, metavar="N", help="of reasoning-gym")
    add.add_argument(
        "--split-by",
        choices=("operands", "question"),
        help="what makes problems of reasoning-gym the same (default: operands in plain arithmetic)",
    )
    add.add_argument("--heldout-fraction", type=float, metavar="SHARE", help="held out, by hash (default: 0.1)")
    add.add_argument("--split", choices=("train", "heldout"), help="put all on one side")
    add.add_argument("--json", action="store_true", help="print one JSON object")
    _takes_run(add)


def _import_problems(arguments: argparse.Namespace) -> int:
    from cluster.commands.problem_import import import_problems

    return import_problems(arguments)


def _list_problems(arguments: argparse.Namespace) -> int:
    from cluster.commands.problems import list_problems

    return list_problems(arguments)


def _show_problem(arguments: argparse.Namespace) -> int:
    from cluster.commands.problems import show_problem

    return show_problem(arguments)


def _audit_problems(arguments: argparse.Namespace) -> int:
    from cluster.commands.label_audit import audit_problems

    return audit_problems(arguments)


# ---------------------------------------------------------------- review, export


def _add_review(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "review",
        _review,
        "go through labels in doubt, and accept or reject their correction",
        """automathes review
         automathes review 3 7 --accept --reason 'checked by hand'""",
    )
    parser.add_argument("ids", nargs="*", type=_count, metavar="ID", help="reviews to show or decide on")
    decision = parser.add_mutually_exclusive_group()
    decision.add_argument("--accept", action="store_true", help="correct the label, and judge its rollouts anew")
    decision.add_argument("--reject", action="store_true", help="leave the label as it is")
    decision.add_argument("--list", action="store_true", help="list the reviews (the default without a terminal)")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the label's history")
    parser.add_argument("--by", metavar="NAME", help="who decides (default: the user)")
    parser.add_argument("--status", choices=("open", "accepted", "rejected", "all"), help="list these (default: open)")
    parser.add_argument("--limit", type=_count, metavar="N")
    parser.add_argument("--json", action="store_true", help="one JSON object a line; of shown and decided ones in full")
    _takes_run(parser)


def _review(arguments: argparse.Namespace) -> int:
    from cluster.commands.review import review_labels

    return review_labels(arguments)


def _add_export(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "export",
        _export,
        "export rollouts as a data set: conversations, segments and where they came from",
        """automathes export solutions --format parquet --distinct
         automathes export mistakes --outcome wrong --policy 3
         (cut off, the same command goes on where it was)""",
    )
    parser.add_argument("folder", type=Path, help="a new folder to write")
    parser.add_argument(
        "--format", choices=("jsonl", "parquet", "datasets"), default="jsonl", help="datasets: for load_from_disk"
    )
    outcomes = ("accepted", "wrong", "no_answer", "unverifiable", "truncated", "any")
    parser.add_argument(
        "--outcome", action="append", choices=outcomes, default=[], help="repeatable (default: accepted)"
    )
    parser.add_argument(
        "--split", action="append", choices=("train", "heldout"), help="repeatable (default: train; held-out if asked)"
    )
    parser.add_argument(
        "--purpose", action="append", choices=("train", "eval", "demonstration"), default=[], help="(default: all)"
    )
    parser.add_argument(
        "--policy", action="append", type=_count, default=[], metavar="VERSION", help="written by it; repeatable"
    )
    parser.add_argument("--iteration", action="append", type=_count, default=[], metavar="N", help="repeatable")
    parser.add_argument("--training-set", type=_count, metavar="ID", help="what a training run was given")
    parser.add_argument("--distinct", action="store_true", help="each solution to a problem once")
    parser.add_argument("--token-ids", action="store_true", help="with the exact tokens and the model's mask")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    _takes_run(parser)


def _export(arguments: argparse.Namespace) -> int:
    from cluster.commands.export import export_rollouts

    return export_rollouts(arguments)


# ---------------------------------------------------------------- eval, serve, doctor


def _add_eval(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands, "eval", _eval, "measure a policy of a run on its held-out problems", "automathes eval --samples 8"
    )
    _takes_run(parser)
    parser.add_argument("--policy", type=_count, metavar="VERSION", help="(default: the promoted one)")
    parser.add_argument(
        "--samples", type=_count, default=1, metavar="K", help="1: greedy pass@1; more: pass@k and maj@k"
    )
    parser.add_argument("--problems", type=_count, metavar="N", help="(default: as configured)")
    parser.add_argument(
        "--temperature", type=float, metavar="T", help="(default: as configured; greedy for one sample)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _eval(arguments: argparse.Namespace) -> int:
    from cluster.commands.evaluate import evaluate_policy

    return evaluate_policy(arguments)


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands,
        "serve",
        _serve,
        "serve the promoted policy with OpenAI's chat completions",
        "automathes serve --port 8000",
    )
    _takes_run(parser)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=_count, default=8000)


def _serve(arguments: argparse.Namespace) -> int:
    from cluster.commands.serve import serve_run

    return serve_run(arguments.runs, arguments.run, arguments.host, arguments.port)


def _add_doctor(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "doctor", _doctor, "check this machine for what a run needs", "automathes doctor")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _doctor(arguments: argparse.Namespace) -> int:
    from cluster.commands.doctor import run_doctor

    return run_doctor(arguments.json)


# ---------------------------------------------------------------- errors


def _with_short_errors(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    """Users' mistakes and known failures become one or two lines; what is unknown keeps its traceback."""
    try:
        return command(arguments)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)  # noqa: T201
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return DONE
    except Exception as error:
        from cluster.console.errors import classify

        exit_code = classify(error)
        if exit_code is None:
            raise
        print(f"automathes: {error}", file=sys.stderr)  # noqa: T201
        return exit_code
