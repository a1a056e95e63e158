"""Lines and JSON on the standard output, unwrapped: for people to paste and scripts to parse."""

import json
import sys
from typing import Any


def print_line(text: str) -> None:
    """Print a line and flush it."""
    _write(text)


def print_json(value: Any, indent: int | None = None) -> None:
    """Print a value as JSON and flush it; without `indent`, on one line."""
    _write(json.dumps(value, indent=indent))


def _write(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
