"""A run that is paused over HTTP in each of its phases, killed while it is paused, and resumed by a driver with a
cluster of its own: it ends with what an undisturbed run has.
"""

import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from store.runs.run_state import ActualState
from store.store import Store
from tests.chaos.checks.invariants import check_end

from ..driving import LIMIT_S, automathes, open_store, processes_of, wait_for
from .disturbances import train_rollouts
from .test_loop import CONFIG, SAMPLES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]

STILL_S = 4.0
SCHEDULED = 150 * SAMPLES  # rollouts of an iteration


class Remote:
    """Control of the latest run over HTTP, as from any other machine."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30.0)

    def tell(self, verb: str) -> None:
        self._client.post(f"/runs/latest/{verb}").raise_for_status()

    def state(self) -> str:
        answer = self._client.get("/runs/latest").raise_for_status()
        return str(answer.json()["state"])


@dataclass
class Paused:
    """One pause: the seconds until it was there, and what was written while it lasted."""

    after_s: float
    rollouts: int
    policies: int


@dataclass
class Observed:
    """The run at its end, its pauses by phase, and what was seen after its driver was killed in the last of them."""

    folder: Path
    store: Store
    pauses: dict[str, Paused] = field(default_factory=dict)
    left_after_kill: list[str] = field(default_factory=list)
    state_after_resume: ActualState | None = None


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Remote]]:
    """The folder of all runs, and the API that controls them."""
    runs = tmp_path_factory.mktemp("runs")
    log = runs / "api.txt"
    with automathes(log, "api", "--runs", str(runs), "--port", "0") as api:
        wait_for(api, log, lambda: "http://" in log.read_text() and (runs / ".api-token").is_file(), "the API")
        (url,) = set(re.findall(r"http://[\d.]+:\d+", log.read_text()))
        wait_for(api, log, lambda: answers(url), "an answer")
        yield runs, Remote(url, (runs / ".api-token").read_text().strip())


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").is_success
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module")
def run(remote: tuple[Path, Remote]) -> Iterator[Observed]:
    runs, control = remote
    config, log, folder = runs / "pauses.toml", runs / "output.txt", runs / "demo-1"
    config.write_text(CONFIG)
    options = ("--iterations", "2", "--set", "sampler.pause_release_s=600")
    with automathes(log, "run", "--config", str(config), *options, "--runs", str(runs)) as driver:
        store = open_store(folder, driver)
        observed = Observed(folder, store)

        def pause_when(phase: str, begun: Callable[[], bool]) -> None:
            wait_for(driver, log, begun, phase)
            observed.pauses[phase] = pause(driver, log, store, control)

        pause_when("start", lambda: (runs / "latest").exists())
        pause_when("sampling", lambda: 0 < store.iterations.progress(1)[0] < SCHEDULED)
        pause_when("learning", lambda: store.training_sets.unpublished() is not None)
        version = store.policies.require_latest().version
        pause_when("swap", lambda: store.policies.require_latest().version > version)
        pause_when("evaluation", lambda: "measuring" in (store.run.state().activity or ""))
        wait_for(driver, log, lambda: store.iterations.progress(2)[0] > 0, "the second iteration")
        control.tell("pause")
        wait_for(driver, log, lambda: store.run.state().actual is ActualState.PAUSED, "the last pause")
        driver.kill()
        driver.wait()
    observed.left_after_kill = processes_of(folder, within_s=30.0)
    killed_at = time.time()
    with automathes(log, "run", "--resume", "--runs", str(runs)) as driver:
        wait_for(driver, log, lambda: is_paused_since(store, killed_at), "the next driver")
        observed.state_after_resume = store.run.state().actual
        control.tell("resume")
        assert driver.wait(timeout=LIMIT_S) == 0, log.read_text()
    yield observed
    store.close()


def pause(driver: subprocess.Popen[bytes], log: Path, store: Store, control: Remote) -> Paused:
    """Pause twice, which is as once, for some seconds, and resume twice."""
    asked = time.monotonic()
    control.tell("pause")
    control.tell("pause")
    wait_for(driver, log, lambda: control.state() == "paused", "the pause")
    after_s, before, policies = time.monotonic() - asked, train_rollouts(store), len(store.policies.all())
    time.sleep(STILL_S)
    paused = Paused(after_s, train_rollouts(store) - before, len(store.policies.all()) - policies)
    control.tell("resume")
    control.tell("resume")
    wait_for(driver, log, lambda: control.state() != "paused", "the end of the pause")
    return paused


def is_paused_since(store: Store, moment: float) -> bool:
    """Whether a driver has said since then that the run is paused."""
    state = store.run.state()
    return state.actual is ActualState.PAUSED and (state.heartbeat_at or 0.0) > moment


@pytest.mark.parametrize("phase", ["start", "sampling", "learning", "swap", "evaluation"])
def test_nothing_is_written_during_a_pause(run: Observed, phase: str) -> None:
    paused = run.pauses[phase]
    print(f"{phase}: paused after {paused.after_s:.1f} s")
    assert (paused.rollouts, paused.policies) == (0, 0)


def test_a_paused_run_that_is_killed_leaves_no_process_and_is_paused_when_it_is_back(run: Observed) -> None:
    assert run.left_after_kill == []
    assert run.state_after_resume is ActualState.PAUSED


def test_the_run_ends_with_what_an_undisturbed_one_has(run: Observed) -> None:
    assert not check_end(run.store.url, run.folder, iterations=2, lead=0)
    assert [iteration.scheduled for iteration in run.store.iterations.all()] == [SCHEDULED] * 2
    assert len(run.store.policies.all()) == 4  # base, warm start, two iterations
