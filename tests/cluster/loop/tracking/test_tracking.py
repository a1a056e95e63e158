"""What a run's trackers get, from the loop's own code on a real store."""

import re
from pathlib import Path

import pytest

from cluster.config.run_config import ConfigError
from cluster.config.tracking import TrackingSettings
from cluster.loop.tracking import registry
from cluster.loop.tracking.identity import run_identity
from cluster.loop.tracking.names import METRICS, describe
from cluster.loop.tracking.tracking import policy_points
from cluster.loop.tracking.values import step_values
from learner.progress import StepFigures
from store.store import Store

from ..played.driver import STEPS
from ..played.run import PlayedRun
from .conftest import MakePlayed, close_trackers
from .reading import read_tensorboard

DOCUMENT = Path(__file__).parents[4] / "docs/tracking.md"


def test_a_run_whose_driver_was_killed_has_each_policy_and_each_step_once(make_played: MakePlayed) -> None:
    run = make_played("tensorboard")
    while run.published < 1:
        run.go_on()
    close_trackers(run)
    run.driver.kill()
    run.finish()
    close_trackers(run)

    series = read_tensorboard(run.path / "tensorboard")
    versions = [policy.version for policy in run.store.policies.all()]
    assert series["policy_version"] == [(version, version) for version in versions]
    assert [step for step, _ in series["training/step"]] == list(range(1, STEPS * (len(versions) - 1) + 1))
    assert [value for _, value in series["iteration"]] == [0, 0, 1, 2]
    assert [value for _, value in series["training/iteration"]] == [0, 0, 1, 1, 2, 2]


def test_what_was_decided_before_a_tracker_was_chosen_is_logged_too(finished: PlayedRun) -> None:
    run = finished
    points = policy_points(run.store, after=-1, measures_base=True)
    assert [point.step for point in points] == [policy.version for policy in run.store.policies.all()]
    assert policy_points(run.store, after=points[1].step, measures_base=True) == points[2:]


def test_the_metrics_are_the_figures_of_the_store(finished: PlayedRun) -> None:
    run = finished
    last = policy_points(run.store, after=-1, measures_base=True)[-1]
    stored = run.store.iterations.all()[-1].metrics
    measured = stored["measured"]["pass@1"]
    assert last.values["heldout/pass_at_1"] == measured["value"] == stored["pass@1"]
    assert last.values["heldout/pass_at_1_low"] == measured["low"]
    assert last.values["heldout/pass_at_1_error"] == measured["standard_error"]
    assert last.values["rollouts/total"] == stored["rollouts"] == sum(stored["outcomes"].values())
    assert last.values["comparison/difference"] == stored["comparison"]["difference"]
    assert last.values["learner/loss"] == 1.0
    assert last.values["seconds/all"] == stored["seconds"]["all"]


def test_every_metric_of_a_policy_is_described(finished: PlayedRun) -> None:
    for point in policy_points(finished.store, after=-1, measures_base=True):
        assert [name for name in point.values if describe(name) is None] == []
    assert describe("heldout/pass_at_1_error") == "Its standard error"


def test_every_metric_of_a_step_is_described() -> None:
    values = step_values(7, 1, StepFigures(3, 1.0, float("nan"), 1e-4, 8, 8.0, 0.1))
    assert values["training/step"] == 7
    assert "training/grad_norm" not in values, "no tracker gets what is not a number"
    assert values.keys() <= METRICS.keys()


def test_the_documentation_lists_the_metrics_as_they_are() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| (.+?) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert {name: text for name, text in rows if name in METRICS} == METRICS


def test_without_a_tracker_nothing_is_started_or_written(finished: PlayedRun) -> None:
    run = finished
    assert run.driver._loop._tracking._feeds is None
    assert not (run.path / "tracking.id").exists()


def test_trackers_see_no_password(make_played: MakePlayed, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_played("tensorboard")
    url = "postgresql://user:hidden-secret@host/database"
    run.config = run.config.model_copy(update={"store": run.config.store.model_copy(update={"url": url})})
    monkeypatch.setattr(Store, "masked_url", "postgresql://user:***@host/database")
    run.poll()
    while not list((run.path / "tensorboard").glob("*")):
        run.go_on()
    close_trackers(run)
    written = b"".join(file.read_bytes() for file in (run.path / "tensorboard").iterdir())
    assert b"user:***@host" in written
    assert b"hidden-secret" not in written


def test_a_tracker_that_is_not_installed_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.TRACKERS, "wandb", "no_such_package")
    registry.require_trackers(TrackingSettings(to=("tensorboard", "mlflow")))
    with pytest.raises(ConfigError, match=r"wandb needs .*no_such_package.*'automathes\[wandb\]'"):
        registry.require_trackers(TrackingSettings(to=("tensorboard", "wandb")))


def test_the_identity_of_a_run_stays_the_same(tmp_path: Path) -> None:
    assert run_identity(tmp_path / "a") == run_identity(tmp_path / "a") != run_identity(tmp_path / "b")
