"""What was asked of a run is part of it, iterations and a pause: after a kill, `--resume` goes on to it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.commands import run as run_module
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.position import read_position
from store.records import Decision, Policy
from store.runs.run_state import DesiredState
from store.store import Store

CONFIG = """
preset = "demo"
iteration = { count = 3 }
teacher = { kind = "scripted", count = 2 }
ray = { dashboard = false }

[[problems]]
kind = "reasoning_gym"
dataset = "products"
size = 20
heldout_fraction = 0.5
config = { max_digits = 1 }
"""


class KilledError(Exception):
    """The driver was killed."""


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int | None]:
    """Run the command up to where Ray would start; returns the target of then, None if it was not reached.

    `kill` names the function in which the driver is killed before that.
    """
    (tmp_path / "run.toml").write_text(CONFIG)

    def drive(*arguments: str, kill: str | None = None) -> int | None:
        found: list[int] = []

        def train(config: RunConfig, _: RunFolder, driver: run_module._Driver, *__: object) -> None:
            found.append(read_position(driver.store, config).target)

        def die(*_: object) -> None:
            raise KilledError

        with monkeypatch.context() as patches:
            patches.setattr(run_module, "_train", train)
            patches.setattr(run_module, "require_engine", lambda _: None)
            if kill is not None:
                patches.setattr(run_module, kill, die)
                patches.setattr(Store, "clear", lambda *_, **__: None)  # a killed driver clears and removes nothing
                patches.setattr(run_module.shutil, "rmtree", lambda *_, **__: None)
            try:
                assert main(["run", *arguments, "--runs", str(tmp_path)]) == 0
            except KilledError:
                return None
        return found[0] if found else None

    return drive


def start(tmp_path: Path, *options: str) -> list[str]:
    return ["--config", str(tmp_path / "run.toml"), *options]


def publish(tmp_path: Path, iterations: int) -> None:
    """Let the run have its warm start and so many iterations behind it."""
    with Store.open(f"sqlite:///{tmp_path / 'demo-1/store.db'}", create=False) as store:
        for iteration in range(iterations + 1):
            version = iteration + 1
            store.policies.add(Policy(version, version - 1, f"v{version}", iteration=iteration))
            store.policies.decide(version, Decision.NOT_PROMOTED, {}, "a test")
            if iteration:
                store.iterations.open(iteration, version - 1)
                store.iterations.close(iteration, {})


def test_without_an_option_it_is_that_of_the_configuration(drive: Callable[..., int | None], tmp_path: Path) -> None:
    assert drive(*start(tmp_path)) == 3


def test_the_base_counts_as_trained_before_the_first_iteration(
    drive: Callable[..., int | None], tmp_path: Path
) -> None:
    drive(*start(tmp_path))
    with Store.open(f"sqlite:///{tmp_path / 'demo-1/store.db'}", create=False) as store:
        assert store.policies.get(0).iteration == 0  # the lag of what it samples is counted from there


def test_a_resumed_run_goes_on_to_what_was_asked_for(drive: Callable[..., int | None], tmp_path: Path) -> None:
    assert drive(*start(tmp_path, "--iterations", "4")) == 4
    publish(tmp_path, 3)
    assert drive("--resume") == 4


def test_a_run_that_was_killed_while_it_was_prepared_goes_on_to_what_was_asked_for(
    drive: Callable[..., int | None], tmp_path: Path
) -> None:
    assert drive(*start(tmp_path, "--iterations", "4"), kill="prepare") is None
    assert drive("--resume", "--run", str(tmp_path / "demo-1")) == 4


def test_a_resumed_run_can_be_asked_for_more(drive: Callable[..., int | None], tmp_path: Path) -> None:
    drive(*start(tmp_path, "--iterations", "1"))
    publish(tmp_path, 1)
    assert drive("--resume", "--iterations", "2") == 3
    assert drive("--resume") == 3


def test_a_run_that_has_what_was_asked_for_says_so(
    drive: Callable[..., int | None], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    drive(*start(tmp_path, "--iterations", "1"))
    publish(tmp_path, 1)
    capfd.readouterr()
    assert drive("--resume") is None
    assert "all 1 iterations are done; --iterations N adds more" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("asked", "then"),
    [
        (DesiredState.PAUSED, DesiredState.PAUSED),
        (DesiredState.STOPPED, DesiredState.RUNNING),
        (DesiredState.RUNNING, DesiredState.RUNNING),
    ],
)
def test_a_pause_outlives_the_driver_and_a_stop_does_not(
    drive: Callable[..., int | None],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    asked: DesiredState,
    then: DesiredState,
) -> None:
    drive(*start(tmp_path))
    with Store.open(f"sqlite:///{tmp_path / 'demo-1/store.db'}", create=False) as store:
        store.run.set_desired(asked)
        drive("--resume")
        assert store.run.desired() is then
    assert ("`automathes resume` continues it" in capfd.readouterr().out) == (then is DesiredState.PAUSED)
