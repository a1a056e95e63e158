"""The parser: every command resolves to a handler, and help costs no heavy import."""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata

import pytest

from cluster.cli import load_handler, main, make_parser

HEAVY = {
    "datasets", "deepspeed", "numpy", "pydantic", "ray", "rich", "sqlalchemy", "sympy", "torch", "transformers", "vllm"
}  # fmt: skip


def commands(
    parser: argparse.ArgumentParser, name: str = "automathes"
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every command and subcommand that can be run, with its parser."""
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for child, child_parser in group.choices.items():
            yield from commands(child_parser, f"{name} {child}")


COMMANDS = dict(commands(make_parser()))


def test_all_commands_are_there() -> None:
    names = [
        "run",
        "plan",
        "pause",
        "resume",
        "stop",
        "scale",
        "status",
        "annotate",
        "augment",
        "review",
        "export",
        "eval",
        "bench",
        "reproduce",
        "report",
        "serve",
        "api",
        "monitor",
        "doctor",
    ]
    problems = "problems import", "problems list", "problems show", "problems audit"
    policies = [f"policies {action}" for action in ("list", "show", "promote", "rollback", "prune")]
    values = [f"value {action}" for action in ("train", "score", "report")]
    assert set(COMMANDS) == {f"automathes {name}" for name in (*names, *problems, *policies, *values)}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_handler_of_every_command_is_a_function(name: str) -> None:
    assert callable(load_handler(COMMANDS[name].get_default("handler")))


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_an_example_and_explains_every_option(name: str) -> None:
    parser = COMMANDS[name]
    assert f"example: {name}" in parser.format_help()
    assert [action.dest for action in parser._actions if not action.help] == []


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["--version"])

    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"automathes {metadata.version('automathes')}\n"


def test_help_imports_nothing_heavy() -> None:
    script = "import sys; from cluster.cli import make_parser; make_parser().format_help(); print(*sys.modules)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)

    imported = {name.partition(".")[0] for name in process.stdout.split()}
    assert not HEAVY & imported


def test_an_unknown_option_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        main(["run", "--presets", "demo"])

    assert exit_info.value.code == 2
    assert "--presets" in capsys.readouterr().err
