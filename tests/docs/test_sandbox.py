"""The lists in docs/sandbox.md: the attacks that the tests make, and the system calls that a session may make."""

import re

from sandbox.guest.syscalls import ALLOWED
from sandbox.settings import FURTHER, MATHEMATICS

from .markdown import ROOT

PAGE = (ROOT / "docs/sandbox.md").read_text()
TESTS = sorted((ROOT / "tests/sandbox/attacks").glob("test_*.py"))


def table(heading: str) -> list[list[str]]:
    """The cells of the table whose first heading is this one, without its header."""
    lines = PAGE[PAGE.index(f"\n| {heading} |") + 1 :].splitlines()
    rows = lines[2 : next((number for number, line in enumerate(lines) if not line.startswith("|")), len(lines))]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


def test_the_list_of_attacks_is_that_of_the_tests() -> None:
    listed = [attack.replace("'", "") for _, _, attacks in table("kind") for attack in attacks.split("; ")]
    made = [name for file in TESTS for name in re.findall(r"^async def test_(\w+)", file.read_text(), re.MULTILINE)]
    assert len(made) > 150
    assert sorted(listed) == sorted(name.replace("_", " ") for name in made)


def test_what_attacks_rest_on_is_explained() -> None:
    assert {basis for _, basis, _ in table("kind")} == {basis for basis, _ in table("rests on")}


def test_the_list_of_allowed_system_calls_is_that_of_the_filter() -> None:
    listed = {reason: calls.split(", ") for reason, calls in table("allowed, whatever the arguments, since a session")}
    assert listed == {reason: names.split() for reason, names in ALLOWED.items()}


def test_the_modules_that_can_be_imported_are_named() -> None:
    section = PAGE[PAGE.index("## What can be imported") :].partition("\n## ")[0]
    assert [name for name in (*MATHEMATICS, *FURTHER) if name not in section] == []
