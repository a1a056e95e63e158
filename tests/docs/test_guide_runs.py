"""Commands of the guide succeed: those that need no more than a run are called, one after the other."""

import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from cluster.cli import main
from store.records import Split
from store.runs.run_state import ActualState
from store.store import Store
from tests.old_runs.old_run import restore

from .markdown import ROOT, Snippet
from .test_code_blocks import commands

FINISHED_RUN = ROOT / "tests/old_runs/schema_0003"
NAMES = ("status", "pause", "resume", "stop", "policies", "problems", "export", "report", "scale")
NEED_A_DRIVER = ("pause", "resume", "stop", "scale")
ENDLESS = {"--watch", "--serve"}


def called() -> Iterator[Snippet]:
    """The commands in blocks, which are whole; the prose mentions some without their arguments."""
    for command in commands("automathes"):
        words = shlex.split(command.text, comments=True)
        if command.language and words[1] in NAMES and ENDLESS.isdisjoint(words) and not is_of_the_readers_own(words):
            yield command


def is_of_the_readers_own(words: list[str]) -> bool:
    """Whether a command is about files or problems that this run lacks. Its own tests call it."""
    return (
        words[1:3] == ["problems", "import"] or "--licence" in words or any(word.endswith("-pairs") for word in words)
    )


CALLED = list(called())


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store of a run in `runs/` of a working folder, which has what the guide's commands look for."""
    run = tmp_path_factory.mktemp("guide") / "runs/demo-1"
    restore(FINISHED_RUN, run)
    (run.parent / "latest").symlink_to(run.name)
    with (run / "config.toml").open("a") as config:
        config.write("\n[policies]\nkeep_last = 2\n")
    with Store.open(f"sqlite:///{run / 'store.db'}") as store:
        with sqlite3.connect(run / "store.db") as database:
            for support in ("unsupported", "supported"):
                database.execute("UPDATE rollouts SET support = ? WHERE rowid % 2 = 0 OR support IS NULL", [support])
        yield store


@contextmanager
def driver(store: Store) -> Iterator[None]:
    """A driver whose run goes on."""
    store.run.set_actual(ActualState.RUNNING)
    try:
        yield
    finally:
        store.run.set_actual(ActualState.STOPPED)


def of_this_run(word: str, store: Store) -> str:
    """A word of a command, with the guide's example of an id replaced by one that the run has."""
    if word == "ID" or word.startswith("gcd-"):
        return next(store.problems.iterate(Split.TRAIN)).id
    return "0" if word in ("3", "5") else word  # versions of policies


def test_the_guide_has_commands_to_call() -> None:
    assert {shlex.split(command.text)[1] for command in CALLED} == {*NAMES}


@pytest.mark.parametrize("command", CALLED, ids=str)
def test_it_succeeds(
    command: Snippet, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)  # what is written stays apart
    (tmp_path / "runs").symlink_to(Path(store.url.removeprefix("sqlite:///")).parents[1])
    words = [of_this_run(word, store) for word in shlex.split(command.text, comments=True)]

    with driver(store) if words[1] in NEED_A_DRIVER else nullcontext():
        code = main(words[1:])

    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert printed.out
