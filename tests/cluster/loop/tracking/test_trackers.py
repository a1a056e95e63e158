"""What holds of every tracker, on the real ones: files, W&B offline, a database of MLflow."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

from cluster.config.tracking import TrackingSettings
from cluster.loop.tracking.point import Axis, Point, TrackedRun, Tracker
from cluster.loop.tracking.registry import TRACKERS, module_of

from .reading import Series, read_mlflow, read_tensorboard, read_wandb

READERS: dict[str, Callable[[Path], Series]] = {
    "tensorboard": lambda folder: read_tensorboard(folder / "tensorboard"),
    "wandb": read_wandb,
    "mlflow": read_mlflow,
}


@pytest.fixture(autouse=True, scope="module")
def _offline() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "offline")
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture
def run(tmp_path: Path) -> TrackedRun:
    return run_in(tmp_path)


def run_in(path: Path) -> TrackedRun:
    configuration = {"seed": 0, "learner": {"iteration": {"steps": 30}}, "problems": [{"kind": "products"}]}
    return TrackedRun("0123abcd", path / "demo-1", TrackingSettings(), configuration)


def open_tracker(name: str, run: TrackedRun) -> Tracker:
    run.folder.mkdir(exist_ok=True)
    tracker: Tracker = import_module(module_of(name)).open_tracker(run)
    return tracker


def policy(version: int) -> Point:
    values = {"heldout/pass_at_1": version / 8, "heldout/pass_at_1_error": 0.25, "policy_version": float(version)}
    return Point(Axis.POLICY, version, 1_000.0 + version, values)


def step(number: int) -> Point:
    return Point(Axis.TRAINING, number, 2_000.0 + number, {"training/step": float(number), "training/loss": 1 / number})


@dataclass
class Continued:
    """A run that was tracked, and continued by another process: what the tracker had each time, and what it has now."""

    folder: Path
    where: str
    had: list[dict[Axis, int]]
    series: Series


@pytest.fixture(scope="module", params=READERS)
def continued(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Continued:
    run = run_in(tmp_path_factory.mktemp(request.param))
    first = open_tracker(request.param, run)
    first.log([policy(0), step(1), step(2)])
    first.log([policy(1), step(4)])
    first.close()
    time.sleep(1.05 - time.time() % 1)  # W&B names the folder of an offline run by the second
    second = open_tracker(request.param, run)
    second.log([policy(2), step(8)])
    second.close()
    had = [{axis: one.logged.get(axis, -1) for axis in Axis} for one in (first, second)]
    return Continued(run.folder, second.where, had, READERS[request.param](run.folder))


def test_every_tracker_is_tested() -> None:
    assert READERS.keys() == TRACKERS.keys()


def test_a_tracker_knows_what_it_has_of_a_resumed_run(continued: Continued) -> None:
    assert continued.had == [{Axis.POLICY: -1, Axis.TRAINING: -1}, {Axis.POLICY: 1, Axis.TRAINING: 4}]


def test_a_resumed_run_is_continued_in_the_same_series(continued: Continued) -> None:
    assert continued.series["policy_version"] == [(0, 0), (1, 1), (2, 2)]
    assert continued.series["heldout/pass_at_1"] == [(0, 0), (1, 0.125), (2, 0.25)]
    assert continued.series["training/loss"] == [(1, 1), (2, 0.5), (4, 0.25), (8, 0.125)]


def test_the_place_of_the_metrics_is_named(continued: Continued) -> None:
    assert str(continued.folder) in continued.where


@pytest.mark.parametrize("continued", ["wandb"], indirect=True)
def test_weights_and_biases_counts_its_own_steps_on_in_a_resumed_offline_run(continued: Continued) -> None:
    cursor = json.loads((continued.folder / "wandb/0123abcd.json").read_text())
    assert cursor == {"policy_version": 2, "training/step": 8, "rows": 7}


@pytest.mark.parametrize("continued", ["mlflow"], indirect=True)
def test_mlflow_has_the_configuration_as_parameters(continued: Continued) -> None:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{continued.folder / 'mlflow.db'}")
    (found,) = client.search_runs(["1"])
    assert found.data.params["learner.iteration.steps"] == "30"
    assert found.info.status == "FINISHED"


def test_a_record_of_tensorboard_that_was_cut_off_is_written_again(run: TrackedRun) -> None:
    tracker = open_tracker("tensorboard", run)
    tracker.log([policy(0), policy(1)])
    tracker.close()
    (file,) = (run.folder / "tensorboard").iterdir()
    file.write_bytes(file.read_bytes()[:-5])

    again = open_tracker("tensorboard", run)
    assert again.logged == {Axis.POLICY: 0}
    again.log([policy(1)])
    again.close()
    assert read_tensorboard(run.folder / "tensorboard")["policy_version"] == [(0, 0), (1, 1)]


def test_mlflow_shows_no_password_of_the_environment() -> None:
    from cluster.loop.tracking.trackers.mlflow import _shown

    assert _shown("https://user:secret@host/path") == "https://host/path"
    assert _shown("sqlite:////folder/mlflow.db") == "sqlite:////folder/mlflow.db"
