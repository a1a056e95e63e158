"""Pausing, resuming and stopping runs whose driver is alive, silent, dead or gone."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.commands.control import STORE_VARIABLE
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.requests import request_state
from cluster.loop.run_status import current_state
from cluster.loop.supervision.activity import Activity
from cluster.loop.supervision.heartbeat import heartbeats
from store.runs.run_state import ActualState, DesiredState
from store.store import Store

type MakeRun = Callable[[ActualState, float], RunFolder]


def set_desired_state(folder: RunFolder, desired: str) -> str:
    with folder.open_store(folder.read_config()) as store:
        return request_state(store, folder.path.name, DesiredState(desired), folder)


def open_store(folder: RunFolder, config: RunConfig) -> Store:
    return Store.open(folder.store_url(config), create=False)


def test_a_busy_driver_keeps_its_heartbeat(make_run: MakeRun, config: RunConfig) -> None:
    folder = make_run(ActualState.STARTING, 3600.0)
    with open_store(folder, config) as store, heartbeats(store.run, Activity(), beat_s=0.01):
        deadline = time.monotonic() + 30.0
        while current_state(store.run.state(), time.time(), folder) == "dead":  # this thread, the driver, is busy
            assert time.monotonic() < deadline
        message = set_desired_state(folder, "stopped")
        assert "will stop at the end of the learner's step" in message
        assert "heartbeat" not in message


@pytest.mark.parametrize(
    ("desired", "message"), [("paused", "will pause"), ("running", "continues"), ("stopped", "will stop at")]
)
def test_the_desired_state_of_a_driven_run_is_set(
    make_run: MakeRun, config: RunConfig, desired: str, message: str
) -> None:
    folder = make_run(ActualState.RUNNING)

    assert message in set_desired_state(folder, desired)

    with open_store(folder, config) as store:
        assert store.run.desired() == desired


def test_a_late_heartbeat_is_reported(make_run: MakeRun) -> None:
    folder = make_run(ActualState.RUNNING, 40.0)

    assert "its last heartbeat was 4" in set_desired_state(folder, "paused")


@pytest.mark.parametrize("actual", [ActualState.STOPPED, ActualState.FAILED, ActualState.RUNNING])
def test_stopping_a_run_without_a_driver_says_so_and_sets_nothing(
    make_run: MakeRun, config: RunConfig, actual: ActualState
) -> None:
    folder = make_run(actual, 3600.0)

    assert "is not running" in set_desired_state(folder, "stopped")

    with open_store(folder, config) as store:
        assert store.run.desired() is DesiredState.RUNNING


def test_pausing_a_run_without_a_driver_is_wrong_use(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(ActualState.STOPPED)

    with pytest.raises(ConfigError, match=r"it is not running \(it is stopped\).*run --resume"):
        set_desired_state(folder, "paused")

    assert main(["pause", "--run", str(folder.path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_silent_driver_is_told_all_the_same(make_run: MakeRun, config: RunConfig) -> None:
    folder = make_run(ActualState.RUNNING, 3600.0)

    with folder.lock():
        assert "its last heartbeat was" in set_desired_state(folder, "paused")

    with open_store(folder, config) as store:
        assert store.run.desired() is DesiredState.PAUSED


@pytest.mark.parametrize(
    ("actual", "when"), [(ActualState.RUNNING, "now"), (ActualState.STOPPED, "when it is resumed")]
)
def test_a_run_is_scaled_now_or_when_it_is_resumed(
    make_run: MakeRun, config: RunConfig, capsys: pytest.CaptureFixture[str], actual: ActualState, when: str
) -> None:
    folder = make_run(actual)

    assert main(["scale", "--samplers", "8", "--run", str(folder.path)]) == 0

    assert f"will have 8 samplers {when}" in capsys.readouterr().out
    with open_store(folder, config) as store:
        assert store.run.state().target_samplers == 8


def test_a_run_whose_folder_is_out_of_reach_is_controlled_by_its_store(
    make_run: MakeRun,
    config: RunConfig,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = make_run(ActualState.RUNNING)
    elsewhere = tmp_path / "another machine"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["pause"]) == 2
    assert f"{STORE_VARIABLE} may name its store" in capsys.readouterr().err

    monkeypatch.setenv(STORE_VARIABLE, folder.store_url(config))
    assert main(["pause"]) == 0
    assert main(["scale", "--samplers", "3"]) == 0
    assert "will pause once" in capsys.readouterr().out
    with open_store(folder, config) as store:
        assert store.run.desired() is DesiredState.PAUSED
        assert store.run.state().target_samplers == 3
