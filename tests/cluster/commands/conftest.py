"""Runs and files that the tests of several commands share."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.config.loading import load_config
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder, new_run_folder
from store.runs.run_state import ActualState
from store.store import Store


@pytest.fixture
def config() -> RunConfig:
    return load_config("demo", None, [])


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store without problems, to be copied: creating one takes longer than importing a few problems."""
    file = tmp_path_factory.mktemp("store") / "empty.db"
    Store.open(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def store_url(tmp_path: Path, empty_store: Path) -> str:
    """The URL of an empty store that belongs to no run."""
    shutil.copy(empty_store, tmp_path / "problems.db")
    return f"sqlite:///{tmp_path}/problems.db"


@pytest.fixture
def run(tmp_path: Path, config: RunConfig) -> RunFolder:
    """A run with an empty store."""
    folder = new_run_folder(tmp_path / "runs", "test")
    folder.write_config(config)
    Store.open(folder.store_url(config)).close()
    return folder


@pytest.fixture
def make_run(tmp_path: Path, config: RunConfig) -> Callable[[ActualState, float], RunFolder]:
    """Make a run whose driver wrote the state `actual` so many seconds ago."""

    def make(actual: ActualState, age_s: float = 0.0) -> RunFolder:
        folder = new_run_folder(tmp_path, "test")
        folder.write_config(config)
        with Store.open(folder.store_url(config), clock=lambda: time.time() - age_s) as store:
            store.run.set_actual(actual)
        return folder

    return make


@pytest.fixture
def problems_file(tmp_path: Path) -> Path:
    """A hundred problems with answers in GSM8K's form."""
    path = tmp_path / "problems.jsonl"
    rows = [{"question": f"What is {i} + 1?", "answer": f"Add them.\n#### {i + 1}"} for i in range(100)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
