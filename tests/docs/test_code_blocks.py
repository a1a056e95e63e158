"""Commands, configurations and programs in the documentation are ones that work."""

import ast
import itertools
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from actors.annotation.settings import AnnotationSettings
from cluster.cli import make_parser
from cluster.config.loading import load_config

from .markdown import ROOT, Snippet, blocks, spans

SHELL = ("console", "sh", "bash", "")


def shell_lines() -> Iterator[Snippet]:
    """The lines of shell blocks; those that are continued, or whose quotes are open, are joined."""
    for block in blocks(*SHELL):
        pending = ""
        for line in block.text.replace("\\\n", " ").splitlines():
            pending = f"{pending} {line}" if pending else line.removeprefix("$ ").strip()
            if not (pending.startswith("automathes ") and _has_open_quote(pending)):
                yield Snippet(block.file, block.line, "sh", pending)
                pending = ""


def _has_open_quote(line: str) -> bool:
    try:
        shlex.split(line, comments=True)
    except ValueError:
        return True
    return False


def commands(program: str) -> list[Snippet]:
    found = [*shell_lines(), *spans()]
    return [snippet for snippet in found if re.match(rf"{program} \w", snippet.text) and "|" not in snippet.text]


@pytest.mark.parametrize("command", commands("automathes"), ids=str)
def test_commands_are_accepted(command: Snippet, capsys: pytest.CaptureFixture[str]) -> None:
    words = shlex.split(command.text, comments=True)
    is_mention = command.language == "" and len(words) == 2  # of a command, without the arguments that it needs
    try:
        make_parser().parse_args([*words[1:], *(["--help"] if is_mention else [])])
    except SystemExit as end:
        if end.code != 0:
            pytest.fail(f"{command}: {command.text}\n{capsys.readouterr().err}")


@pytest.mark.parametrize("command", commands("ray"), ids=str)
def test_ray_has_the_commands_and_their_options(command: Snippet) -> None:
    from ray.scripts.scripts import cli

    _, name, *words = shlex.split(command.text, comments=True)
    called = cli.commands[name]
    while words and words[0] in getattr(called, "commands", {}):
        called = called.commands[words.pop(0)]
    words = list(itertools.takewhile(lambda word: word != "--", words))  # then follows another command
    options = {option for parameter in called.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= options


@pytest.mark.parametrize("command", [*commands("ray"), *commands("docker"), *commands("kubectl")], ids=str)
def test_files_that_commands_name_exist(command: Snippet) -> None:
    for word in shlex.split(command.text, comments=True):
        assert not word.startswith("cluster/") or (ROOT / word).exists(), word


@pytest.mark.parametrize("command", commands("make"), ids=str)
def test_make_has_the_targets(command: Snippet) -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    words = [word for word in shlex.split(command.text, comments=True)[1:] if "=" not in word]
    assert set(words) <= set(targets)


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_configurations_are_read(block: Snippet, tmp_path: Path) -> None:
    if "[prices." in block.text:  # a teacher of `automathes annotate`
        AnnotationSettings.model_validate(tomllib.loads(block.text))
        return
    file = tmp_path / "config.toml"
    file.write_text(block.text)
    load_config(None, file, [])


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_programs_are_python(block: Snippet) -> None:
    ast.parse(block.text, filename=str(block))


def test_the_documentation_has_commands_configurations_and_programs() -> None:
    assert len(commands("automathes")) > 20
    assert blocks("toml")
    assert blocks("python")
