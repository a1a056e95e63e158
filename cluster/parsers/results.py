"""Parsers of the commands that use what a run made: export, eval, report, serve; and of api and doctor."""

from pathlib import Path

from cluster.parsers.common import Commands, add_command, add_config_options, add_run_options, count


def add_export(commands: Commands) -> None:
    """The parser of `automathes export`."""
    parser = add_command(
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
    add("--policy", action="append", type=count, default=[], metavar="VERSION", help="only its rollouts; repeatable")
    add("--iteration", action="append", type=count, default=[], metavar="N", help="only its rollouts; repeatable")
    add("--training-set", type=count, metavar="ID", help="only the rollouts of this training set")
    add("--distinct", action="store_true", help="each distinct solution of a problem once")
    add("--token-ids", action="store_true", help="include token ids, mask and log-probabilities of the model's tokens")
    add("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def add_eval(commands: Commands) -> None:
    """The parser of `automathes eval`."""
    text = "evaluate a policy of a run on its held-out problems"
    parser = add_command(commands, "eval", "evaluate:evaluate", text, "automathes eval --samples 8")
    add_run_options(parser)
    add = parser.add_argument
    add("--policy", type=count, metavar="VERSION", help="policy to evaluate (default: the promoted one)")
    add("--samples", type=count, default=1, metavar="K", help="1: greedy pass@1; more: pass@k and maj@k")
    add("--problems", type=count, metavar="N", help="number of problems (default: as configured)")
    add("--temperature", type=float, metavar="T", help="default: greedy for one sample, otherwise as configured")
    add("--json", action="store_true", help="print one JSON object")


def add_report(commands: Commands) -> None:
    """The parser of `automathes report`."""
    text = "write a run's report as one HTML page"
    parser = add_command(commands, "report", "report:report", text, "automathes report")
    add_run_options(parser)
    parser.add_argument("--output", type=Path, metavar="FILE", help="file (default: report.html in the run's folder)")


def add_serve(commands: Commands) -> None:
    """The parser of `automathes serve`."""
    text = "serve the promoted policy over the OpenAI chat completions API"
    parser = add_command(commands, "serve", "serve:serve", text, "automathes serve --port 8000")
    add_run_options(parser)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=count, default=8000, help="port to listen on (default: 8000; 0: any free port)")


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
