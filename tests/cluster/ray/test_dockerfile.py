"""The Dockerfile passes hadolint, and copies and runs only what the project has. Building it takes a network."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.cluster.ray.files import RAY_FILES, REPOSITORY

FILE = RAY_FILES / "docker/Dockerfile"


def hadolint(file: Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert program is not None, "hadolint is not in the environment"
    return subprocess.run([program, "--no-color", str(file)], capture_output=True, text=True, timeout=60, check=False)


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of a kind, continued lines joined."""
    text = FILE.read_text().replace("\\\n", " ")
    return re.findall(rf"^{name} (.*)$", text, re.MULTILINE)


def sources() -> list[str]:
    return [source for copy in instructions("COPY") for source in copy.split()[:-1]]


def in_context(path: str) -> bool:
    """Whether .dockerignore, which lets in only what it lists, lets a path in."""
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    return path.strip("/").split("/")[0] in allowed


def test_hadolint_has_no_complaint() -> None:
    result = hadolint(FILE)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("WORKDIR /opt/automathes", "WORKDIRR /opt/automathes"),
        ("apt-get update -q", "cd /opt && apt-get update -q"),
        ("python:3.12-slim-bookworm", "python:latest"),
    ],
)
def test_hadolint_finds_mistakes(right: str, wrong: str, tmp_path: Path) -> None:
    text = FILE.read_text()
    assert right in text
    (tmp_path / "Dockerfile").write_text(text.replace(right, wrong))

    assert hadolint(tmp_path / "Dockerfile").returncode != 0


@pytest.mark.parametrize("source", sorted(set(sources()) - {"."}))
def test_what_it_copies_exists_and_is_sent_to_the_builder(source: str) -> None:
    assert (REPOSITORY / source).exists()
    assert in_context(source)


def test_what_it_copies_is_enough_to_install_the_project() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    packages = [pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]]
    needed = {f"{package}/__init__.py" for package in packages}
    needed |= {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"], "Makefile"}

    assert needed <= set(sources())


def test_it_calls_targets_that_make_has() -> None:
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    called = [target for run in instructions("RUN") for target in re.findall(r"\bmake ([a-z-]+)$", run)]

    assert called == ["setup", "setup"]
    assert set(called) <= set(targets)


def test_each_target_installs_its_own_packages() -> None:
    """`.make/setup` reads AUTOMATHES_ACCELERATOR, and takes the lock of that name."""
    setup = (REPOSITORY / ".make/setup").read_text()
    chosen = re.findall(r"AUTOMATHES_ACCELERATOR=(\w+)", "\n".join(instructions("ENV")))
    stages = re.findall(r"^FROM sources AS (\w+)", FILE.read_text(), re.MULTILINE)

    assert chosen == stages == ["cpu", "gpu"]
    assert "${AUTOMATHES_ACCELERATOR:-}" in setup
    assert all((REPOSITORY / f".locks/{name}.txt").is_file() for name in chosen)


def test_it_has_what_setup_needs_from_the_system() -> None:
    installed = set(instructions("RUN")[0].split())

    assert {"g++", "make", "libnl-route-3-200"} <= installed  # a compiler, make, and nsjail's library


def test_the_image_is_for_a_python_that_the_project_supports() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    version = re.match(r"python:(3\.\d+)-slim-bookworm", instructions("FROM")[0])

    assert version is not None
    assert f"Programming Language :: Python :: {version[1]}" in project["classifiers"]
