"""The parser of `automathes annotate`."""

import argparse
from pathlib import Path

from cluster.parsers.common import Commands, add_command, add_run_options, count
from cluster.parsers.teacher import add_budget, add_teacher, add_temperatures


def add_annotate(commands: Commands) -> None:
    """The parser of `automathes annotate`."""
    parser = add_command(
        commands,
        "annotate",
        "annotation.annotate:annotate",
        "have a strong teacher behind an OpenAI-compatible API solve training problems, and keep what verifies",
        """automathes annotate --model gpt-4.1 --price 2,8 --budget 20 --store sqlite:///problems.db
         automathes annotate --model qwen --base-url http://127.0.0.1:8000/v1 --price 0,0 --calls tools
         automathes annotate --report --verdict disputed
         (if interrupted, the same command continues; nothing that was answered is paid twice)""",
    )
    add = parser.add_argument
    add("--store", metavar="URL", help="annotate the problems of this store, without a run")
    add("--limit", type=count, metavar="N", help="the first N training problems (default: all); of a report: problems")
    add("--source", metavar="NAME", help="only problems of this source")
    add("--candidates", action="store_true", help="solve those that `augment` made, to confirm their answers")
    add("--out", type=Path, metavar="FILE", help="write all kept solutions of the format as JSONL, for teacher.path")
    add("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)
    teacher = parser.add_argument_group("teacher")
    add_teacher(teacher)
    _add_form(teacher)
    add_budget(parser.add_argument_group("budget"))
    _add_attempts(parser.add_argument_group("attempts"))
    _add_report(parser.add_argument_group("report"))


def _add_form(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--calls", choices=("fenced", "tools"), help="code in fenced blocks (default), or as calls of a tool")
    add("--format", choices=("tir", "mario", "mario_html"), dest="solution_format", help="default: the run's, or tir")
    add("--examples", type=Path, metavar="FILE", help='few-shot examples: lines {"question": ..., "solution": ...}')


def _add_attempts(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--samples", type=count, metavar="N", help="attempts at each problem (default: 3)")
    add_temperatures(group, "0,0.6,0.6")
    add("--max-blocks", type=count, metavar="N", help="code blocks of an attempt (default: 5)")
    add("--max-tokens", type=count, metavar="N", help="tokens of one answer of the teacher (default: 2048)")
    add("--keep", type=count, metavar="N", help="verified solutions kept of a problem, all different (default: 4)")


def _add_report(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--report", action="store_true", help="show what was annotated, verified, disputed and paid, and exit")
    verdicts = ("verified", "disputed", "unsolved")
    add("--verdict", choices=verdicts, help="list only these problems (default: those that need a person)")
