"""The parser of `automathes reproduce`."""

import argparse
from pathlib import Path

from cluster.parsers.common import Commands, add_command, count


def add_reproduce(commands: Commands) -> None:
    """The parser of `automathes reproduce`."""
    parser = add_command(
        commands,
        "reproduce",
        "reproduction.reproduce:reproduce",
        "reproduce a paper from its first step to its table, and continue where an earlier start ended",
        """automathes reproduce mario --scale tiny
         automathes reproduce mario --scale small --data data --demonstrations demonstrations.jsonl
         automathes reproduce mario --scale full --dry-run --teacher-price 2,8
         automathes reproduce mario --scale tiny --from value""",
    )
    add = parser.add_argument
    add("paper", choices=("mario",), help="MARIO: arXiv 2401.08190 (docs/mario.md)")
    add("--scale", choices=("tiny", "small", "full"), default="tiny", help="how much of it (default: tiny)")
    add("--out", type=Path, metavar="FOLDER", help="folder of all that is made (default: runs/mario-SCALE)")
    add("--from", dest="first", metavar="STAGE", help="do this stage and all after it again")
    add("--dry-run", action="store_true", help="print the stages and what they take, and do nothing")
    add(
        "--data",
        type=Path,
        metavar="FOLDER",
        help="read problems from files here, such as gsm8k/train.jsonl (else: Hub)",
    )
    _add_teacher(parser.add_argument_group("teacher"))


def _add_teacher(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--teacher-url", metavar="URL", help="of an OpenAI-compatible API; its key is read from $OPENAI_API_KEY")
    add("--teacher-model", metavar="NAME", help="the teacher's model")
    add("--teacher-price", default="0,0", metavar="INPUT,OUTPUT", help="dollars per million tokens (default: 0,0)")
    add("--budget", metavar="DOLLARS", help="for the teacher, never exceeded (default: 10 for small, 1000 for full)")
    add("--problems", type=count, metavar="N", help="annotate N problems (default: 300 for tiny, 1500 for small, all)")
    add("--demonstrations", type=Path, metavar="FILE", help="written solutions instead of a teacher, as teacher.path")
