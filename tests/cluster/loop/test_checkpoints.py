from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.config.run_folder import RunFolder
from cluster.loop.checkpoints import last_checkpoint
from store.runs.run_state import ActualState
from store.store import Store


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "run")
    (folder.checkpoints / "iteration-0002").mkdir(parents=True)
    return folder


@pytest.fixture
def store(folder: RunFolder) -> Iterator[Store]:
    with Store.open(f"sqlite:///{folder.path / 'store.db'}") as store:
        yield store


def test_there_is_no_checkpoint_before_the_first(store: Store, folder: RunFolder) -> None:
    assert last_checkpoint(folder, store) is None


def test_the_last_checkpoint_is_found_after_the_runs_folder_was_moved(folder: RunFolder, tmp_path: Path) -> None:
    with Store.open(f"sqlite:///{folder.path / 'store.db'}") as store:
        store.run.set_actual(ActualState.STOPPED, checkpoint=str(folder.checkpoints / "iteration-0002"))
    moved = RunFolder(folder.path.rename(tmp_path / "moved"))
    with Store.open(f"sqlite:///{moved.path / 'store.db'}") as store:
        assert last_checkpoint(moved, store) == moved.checkpoints / "iteration-0002"


def test_it_is_found_if_the_store_is_elsewhere_and_knows_only_the_old_path(
    store: Store, folder: RunFolder, tmp_path: Path
) -> None:
    store.run.set_actual(ActualState.STOPPED, checkpoint=str(tmp_path / "before/checkpoints/iteration-0002"))
    assert last_checkpoint(folder, store) == folder.checkpoints / "iteration-0002"


def test_one_that_is_gone_is_none(store: Store, folder: RunFolder) -> None:
    store.run.set_actual(ActualState.STOPPED, checkpoint=str(folder.checkpoints / "iteration-0009"))
    assert last_checkpoint(folder, store) is None
