"""Options of commands that ask a teacher behind an OpenAI-compatible API."""

import argparse
from pathlib import Path

from cluster.parsers.common import count


def add_teacher(group: argparse._ArgumentGroup) -> None:
    """The teacher, and how it is reached."""
    add = group.add_argument
    add("--model", metavar="NAME", help="the teacher's model")
    add("--base-url", metavar="URL", help="of the API (default: OpenAI's); the key is read from $OPENAI_API_KEY")
    add("--config", type=Path, metavar="FILE", help="TOML file with settings and prices (docs/annotation.md)")
    add("--prompt", type=Path, metavar="FILE", help="instruction for the teacher (default: ours)")
    add("--no-stream", action="store_false", dest="stream", default=None, help="for servers that cannot stream")
    add("--batch", action="store_true", help="with OpenAI's Batch API, a turn of many attempts per batch")
    add("--concurrency", type=count, metavar="N", help="attempts under way at a time (default: 8)")


def add_budget(group: argparse._ArgumentGroup) -> None:
    """What may be spent."""
    add = group.add_argument
    add("--budget", metavar="DOLLARS", help="never exceeded, over all starts of the same command")
    add("--budget-tokens", type=count, metavar="N", help="tokens of prompts and answers together, never exceeded")
    add("--price", metavar="INPUT,OUTPUT", help="dollars per million tokens, such as 2.50,10 (default: the config's)")


def add_temperatures(group: argparse._ArgumentGroup, default: str) -> None:
    """The temperatures of attempts."""
    group.add_argument(
        "--temperatures", type=_numbers, metavar="T[,T...]", help=f"of the attempts, in turn (default: {default})"
    )


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(word) for word in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers, such as 0,0.6,0.6") from None
