"""The parser of `automathes bench`."""

from pathlib import Path

from cluster.parsers.common import Commands, add_command, add_config_options, add_run_options, count
from cluster.parsers.values import add_rerank


def add_bench(commands: Commands) -> None:
    """The parser of `automathes bench`."""
    parser = add_command(
        commands,
        "bench",
        "bench.bench:bench",
        "evaluate a policy on the standard benchmarks, by several rules of judging",
        """automathes bench --list
         automathes bench --benchmarks gsm8k,math500 --data benchmarks --limit 200
         automathes bench --samples 20 --format latex
         automathes bench --samples 20 --rerank value
         automathes bench --model smollm2 --benchmarks svamp
         (if interrupted, the same command continues)""",
    )
    add = parser.add_argument
    add("--list", action="store_true", help="list the benchmarks with sizes, sources, licences and rules")
    add("--benchmarks", metavar="NAMES", help="names, separated by commas (default: those of the MARIO paper)")
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="read problems from files here, such as gsm8k/test.jsonl (else: Hub)",
    )
    add("--policy", type=count, metavar="VERSION", help="policy to evaluate (default: the promoted one)")
    add("--model", metavar="MODEL", help="a model without a run: smollm2, a folder, or owner/name of the Hub")
    add("--limit", type=count, metavar="N", help="attempt N problems of each benchmark (default: all)")
    add("--samples", type=count, default=1, metavar="K", help="beside greedy attempts, K sampled ones for maj@K")
    add("--temperature", type=float, metavar="T", help="of sampled attempts (default: as configured)")
    add("--rules", metavar="NAMES", help="rules beside ours, separated by commas (default: all that apply)")
    add("--format", choices=("markdown", "latex", "json"), default="markdown", help="default: markdown")
    add("--beside", type=Path, action="append", default=[], metavar="FILE", help="show these results too; repeatable")
    add("--name", metavar="NAME", help="name in tables and of the folder of attempts (default: the run's, the model's)")
    add("--store", metavar="URL", help="database of the attempts, for several machines (default: a file)")
    add_rerank(parser)
    add_run_options(parser)
    add_config_options(parser, "settings for --model: demo, smollm2 or 7b")
