"""Parsers of the commands that use what a run made: export, eval, report, serve; and of api and doctor."""

from pathlib import Path

from cluster.parsers.common import (
    Commands,
    add_command,
    add_config_options,
    add_listening,
    add_run_options,
    count,
)
from cluster.parsers.values import add_rerank, add_serving_rerank

_TRAINERS = ("trl", "openrlhf", "axolotl", "llama-factory")
LAYOUTS = (*(f"{trainer}{unit}" for trainer in _TRAINERS for unit in ("", "-pairs")), "verl")
"""The layouts of exports; `store.export.layouts` has them, which is slow to import."""


def add_export(commands: Commands) -> None:
    """The parser of `automathes export`."""
    parser = add_command(
        commands,
        "export",
        "exports.export:export",
        "export rollouts as a data set: conversations, segments and provenance",
        """automathes export solutions --format parquet --distinct
         automathes export mistakes --outcome wrong --policy 3
         automathes export release my-dataset --distinct --licence gsm8k=mit
         automathes export preferences --layout trl-pairs --outcome wrong
         (if interrupted, the same command continues)""",
    )
    add = parser.add_argument
    rejected = ("wrong", "no_answer", "truncated", "repetitive", "unparsable")
    outcomes = ("accepted", *rejected, "undecided", "unverifiable", "any")
    purposes = ("train", "eval", "demonstration")
    supports = ("supported", "unsupported", "no_code")
    release = "a data set to publish: Parquet with a card, statistics, licences and a contamination report"
    add("release", nargs="?", choices=("release",), metavar="release", help=release)
    add("folder", type=Path, help="new folder to write")
    add("--layout", choices=LAYOUTS, help="rows as this trainer reads them (default: every field of a rollout)")
    add("--tools", action="store_true", help="code as calls of a tool, with messages for what it printed")
    add("--pairs", type=count, metavar="N", help="pairs of a problem in layouts of pairs, at most (default: 1)")
    add("--format", choices=("jsonl", "parquet", "datasets"), help="default: jsonl; datasets: for load_from_disk")
    outcome = "repeatable (default: accepted); in layouts of pairs, of the rejected attempt (default: any)"
    add("--outcome", action="append", choices=outcomes, default=[], help=outcome)
    add("--support", action="append", choices=supports, default=[], help="of accepted rollouts; repeatable")
    add("--split", action="append", choices=("train", "heldout"), help="repeatable (default: train only)")
    add("--purpose", action="append", choices=purposes, default=[], help="repeatable (default: all)")
    add("--policy", action="append", type=count, default=[], metavar="VERSION", help="only its rollouts; repeatable")
    add("--iteration", action="append", type=count, default=[], metavar="N", help="only its rollouts; repeatable")
    add("--training-set", type=count, metavar="ID", help="only the rollouts of this training set")
    add("--distinct", action="store_true", help="each distinct solution of a problem once")
    add(
        "--licence",
        "--license",
        action="append",
        default=[],
        metavar="SOURCE=ID",
        help="licence of a source of a release, such as gsm8k=mit; repeatable",
    )
    add("--token-ids", action="store_true", help="include token ids, mask and log-probabilities of the model's tokens")
    add("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def add_eval(commands: Commands) -> None:
    """The parser of `automathes eval`."""
    text = "evaluate a policy of a run on its held-out problems"
    example = """automathes eval --samples 8
         automathes eval --samples 20 --rerank value"""
    parser = add_command(commands, "eval", "evaluate:evaluate", text, example)
    add_run_options(parser)
    add = parser.add_argument
    add("--policy", type=count, metavar="VERSION", help="policy to evaluate (default: the promoted one)")
    add("--samples", type=count, default=1, metavar="K", help="1: greedy pass@1; more: pass@k and maj@k")
    add("--problems", type=count, metavar="N", help="number of problems (default: as configured)")
    add("--temperature", type=float, metavar="T", help="default: greedy for one sample, otherwise as configured")
    add_rerank(parser)
    add("--json", action="store_true", help="print one JSON object")


def add_report(commands: Commands) -> None:
    """The parser of `automathes report`."""
    text = "write a run's report as one HTML page, or serve it live with its rollouts"
    example = """automathes report
         automathes report --serve"""
    parser = add_command(commands, "report", "report:report", text, example)
    add_run_options(parser)
    add = parser.add_mutually_exclusive_group().add_argument
    add("--output", type=Path, metavar="FILE", help="file (default: report.html in the run's folder)")
    add("--serve", action="store_true", help="serve the report and a browser of rollouts, until Ctrl-C")
    add_listening(parser, port=8268)


def add_serve(commands: Commands) -> None:
    """The parser of `automathes serve`."""
    text = "serve the promoted policy over OpenAI's API"
    example = """automathes serve --port 8000
         automathes serve --policy 4 --beside 3 --beside 2
         automathes serve --folder my-model --preset 7b"""
    parser = add_command(commands, "serve", "serving.serve:serve", text, example)
    add = parser.add_argument
    add_run_options(parser)
    add_listening(parser, port=8000)
    add("--folder", type=Path, metavar="FOLDER", help="serve the policy in this folder, without a run")
    add("--policy", type=count, metavar="VERSION", help="serve this version (default: the promoted one, at any time)")
    add(
        "--beside",
        type=count,
        action="append",
        default=[],
        metavar="VERSION",
        help="serve this version too, in an engine of its own, as the model RUN@vVERSION; repeatable",
    )
    add_serving_rerank(parser)
    add("--collect", action="store_true", help="keep questions, answers and ratings in the run's store, for review")
    add_config_options(parser, "settings for --folder: demo, smollm2 or 7b")


def add_api(commands: Commands) -> None:
    """The parser of `automathes api`."""
    text = "watch and control runs over HTTP, with a token"
    parser = add_command(commands, "api", "api:api", text, "automathes api --host 0.0.0.0")
    add = parser.add_argument
    add("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="folder of all runs (default: runs)")
    add("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    add("--port", type=count, default=8267, help="port to listen on (default: 8267; 0: any free port)")
    add("--token-file", type=Path, metavar="FILE", help="default: $AUTOMATHES_TOKEN, or a file that is made in runs")


def add_doctor(commands: Commands) -> None:
    """The parser of `automathes doctor`."""
    text = "check this machine, or every host of a cluster, for everything that a run needs"
    example = """automathes doctor
         automathes doctor --cluster --preset 7b"""
    parser = add_command(commands, "doctor", "doctor.machine:doctor", text, example)
    add = parser.add_argument
    add(
        "--cluster",
        action="store_const",
        dest="handler",
        const="cluster.commands.doctor.cluster:doctor_cluster",
        help="check all hosts of a Ray cluster; with --preset, --config or --set also where that run goes",
    )
    add("--address", metavar="ADDRESS", help="of the cluster (default: ray.address of the settings, or auto)")
    add("--json", action="store_true", help="print one JSON object")
    add_config_options(parser)
    add("--runs", type=Path, default=Path("runs"), metavar="FOLDER", help="folder of all runs (default: runs)")
