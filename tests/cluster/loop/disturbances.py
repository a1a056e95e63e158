"""What happens to a run on purpose: it is paused and resumed, its parts are killed, and its driver is ended."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from store.runs.run_state import ActualState
from store.store import Store

from ...processes import Processes
from ..driving import COMMAND, LIMIT_S, automathes, jails_of, samplers_of, wait_for


def pause_and_resume(runs: Path, store: Store, driver: subprocess.Popen[bytes], log: Path) -> tuple[int, int]:
    """Pause until the engines have ended, as the run is configured; returns the rollouts before, and meanwhile."""
    processes = Processes.below(driver.pid)
    wait_for(driver, log, lambda: bool(processes.engines()), "an engine")
    control(runs, "pause")
    wait_for(driver, log, lambda: store.run.state().actual is ActualState.PAUSED, "the pause")
    wait_for(driver, log, lambda: _is_still(store), "rollouts under way to end")
    before = train_rollouts(store)
    time.sleep(2.0)
    wait_for(driver, log, lambda: not processes.engines(), "the end of the engines")
    while_paused = train_rollouts(store) - before
    control(runs, "resume")
    wait_for(driver, log, lambda: train_rollouts(store) > before, "rollouts after the pause")
    return before, while_paused


def _is_still(store: Store) -> bool:
    before = train_rollouts(store)
    time.sleep(1.5)
    return train_rollouts(store) == before


def kill_jails(driver: subprocess.Popen[bytes]) -> set[int]:
    """Kill all jails a few times while rollouts are sampled; returns their processes."""
    killed: set[int] = set()
    for _ in range(3):
        victims = jails_of(driver.pid)
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        killed.update(victims)
        time.sleep(0.7)
    return killed


def kill_samplers(driver: subprocess.Popen[bytes], log: Path) -> tuple[set[int], set[int]]:
    """Kill all samplers; returns their processes before and after."""
    victims = set(samplers_of(driver.pid))
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    wait_for(driver, log, lambda: bool(set(samplers_of(driver.pid)) - victims), "another sampler")
    return victims, set(samplers_of(driver.pid))


def end_driver(runs: Path, end: Callable[[subprocess.Popen[bytes]], None], log_name: str) -> tuple[int, str]:
    """Resume the run, end it while it samples, and return its exit code and its output."""
    log = runs / log_name
    with automathes(log, "run", "--resume", "--runs", str(runs)) as driver:
        wait_for(driver, log, lambda: "sampling" in log.read_text(), "sampling after the resume")
        end(driver)
        return driver.wait(timeout=LIMIT_S), log.read_text()


def control(runs: Path, command: str) -> None:
    subprocess.run([COMMAND, command, "--runs", str(runs)], check=True, timeout=60, capture_output=True)


def train_rollouts(store: Store) -> int:
    return store.run.statistics().train.total
