"""The commands in the files of a cluster, comments included, are ones that the command line and Ray accept."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from ray.scripts.scripts import cli

from cluster.cli import make_parser
from tests.cluster.ray.files import RAY_FILES, REPOSITORY

FILES = sorted(path for path in RAY_FILES.rglob("*") if path.suffix == ".yaml" or path.name == "Dockerfile")
AUTOMATHES = re.compile(r"(?<![-/\w:@])(?:[~\w./]*/bin/)?automathes (?!automathes)((?:--)?[a-z]+\b[^`;&|\n]*)")
RAY = re.compile(
    r"(?<![-/\w])(?:[~\w./]*/bin/)?ray (up|down|attach|dashboard|submit|exec|stop|get-auth-token)\b([^`;&|\n]*)"
)


def lines(file: Path) -> Iterator[str]:
    """The lines, comments too, without the remarks that follow a command after several spaces."""
    for line in file.read_text().splitlines():
        yield re.split(r" {2,}", line.strip().removeprefix("#").strip())[0]


def calls(pattern: re.Pattern[str]) -> list[tuple[str, tuple[str, ...]]]:
    return [(file.name, match.groups()) for file in FILES for line in lines(file) for match in pattern.finditer(line)]


def is_mention(words: list[str]) -> bool:
    """Of a command, without the arguments that it needs."""
    return len(words) == 1 and not words[0].startswith("-")


@pytest.mark.parametrize(("file", "groups"), calls(AUTOMATHES))
def test_automathes_accepts_it(file: str, groups: tuple[str, ...]) -> None:
    words = shlex.split(groups[0].rstrip("'"))
    with_help = [*words, "--help"] if is_mention(words) else words
    try:
        make_parser().parse_args(with_help)
    except SystemExit as end:
        if end.code != 0:
            pytest.fail(f"{file}: automathes {' '.join(words)}")


@pytest.mark.parametrize(("file", "groups"), calls(RAY))
def test_ray_has_the_command_and_its_options(file: str, groups: tuple[str, ...]) -> None:
    name, rest = groups
    options = {option for parameter in cli.commands[name].params for option in parameter.opts}

    assert set(re.findall(r"--[a-z-]+", rest)) <= options
    for path in re.findall(r"cluster/ray/[\w/.-]+", rest):
        assert (REPOSITORY / path).is_file(), path


def test_the_files_have_commands() -> None:
    assert len(calls(AUTOMATHES)) > 15
    assert len(calls(RAY)) > 15


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_files_that_it_names_exist(file: Path) -> None:
    for path in re.findall(r"\b(?:cluster/ray|docs/clusters)/[\w/.-]+\.\w+", file.read_text()):
        assert (REPOSITORY / path).is_file(), path
