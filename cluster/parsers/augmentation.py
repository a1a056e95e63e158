"""The parser of `automathes augment`."""

import argparse

from cluster.parsers.common import Commands, add_command, add_run_options, count
from cluster.parsers.teacher import add_budget, add_teacher, add_temperatures

METHODS = ("fobar", "rephrase", "self_verify")


def add_augment(commands: Commands) -> None:
    """The parser of `automathes augment`."""
    parser = add_command(
        commands,
        "augment",
        "augmentation.augment:augment",
        "make new questions out of training problems, and train on those whose answers attempts confirm",
        """automathes augment --method fobar --per-problem 2 --store sqlite:///problems.db
         automathes augment --method rephrase --model gpt-4.1 --price 2,8 --budget 20 --store sqlite:///problems.db
         automathes annotate --candidates --model gpt-4.1 --price 2,8 --budget 20 --store sqlite:///problems.db
         automathes augment --accept --store sqlite:///problems.db""",
    )
    add = parser.add_argument
    add(
        "--method",
        choices=METHODS,
        default="fobar",
        help="how questions are made: fobar by a rule (default), others by a teacher (docs/augmentation.md)",
    )
    add("--store", metavar="URL", help="augment the problems of this store, without a run")
    add("--limit", type=count, metavar="N", help="of the first N original training problems (default: all)")
    add("--source", metavar="NAME", help="only of problems of this source")
    add("--per-problem", type=_positive, default=1, metavar="K", help="questions of a problem, at most (default: 1)")
    add("--accept", action="store_true", help="confirm candidates by their attempts, and make none")
    add("--agree", type=_at_least_two, default=2, metavar="N", help="attempts that must agree (default: 2)")
    add("--dry-run", action="store_true", help="show what would be made and left out, and write nothing")
    add("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)
    teacher = parser.add_argument_group("teacher of rephrase and self_verify")
    add_teacher(teacher)
    add_temperatures(teacher, "0.7")
    teacher.add_argument("--max-tokens", type=count, metavar="N", help="tokens of one answer (default: 1024)")
    add_budget(parser.add_argument_group("budget"))


def _positive(text: str) -> int:
    return _at_least(text, 1)


def _at_least_two(text: str) -> int:
    return _at_least(text, 2)


def _at_least(text: str, least: int) -> int:
    number = count(text)
    if number < least:
        raise argparse.ArgumentTypeError(f"{text!r} is not an integer of {least} or more")
    return number
