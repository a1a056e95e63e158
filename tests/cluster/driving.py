"""Commands run as a user runs them: in a process of their own, observed through the store and the process table."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.store import Store

from ..processes import Processes

LIMIT_S = 300.0
COMMAND = str(Path(sys.executable).with_name("automathes"))


@contextlib.contextmanager
def automathes(log: Path, *arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running command that writes to `log`; it is terminated at the end of the context."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | environment,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(timeout=60.0)
                except subprocess.TimeoutExpired:
                    process.kill()


def open_store(folder: Path, driver: subprocess.Popen[bytes]) -> Store:
    """The store of a run that was just started, once it exists."""
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline and driver.poll() is None:
        if (folder / "store.db").is_file():
            with contextlib.suppress(Exception):
                return Store.open(f"sqlite:///{folder / 'store.db'}", create=False)
        time.sleep(0.3)
    pytest.fail("the run did not create its store")


def wait_for(driver: subprocess.Popen[bytes], log: Path, condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds; fail with the log if the driver exits first, or it takes too long."""
    deadline = time.monotonic() + LIMIT_S
    while not condition():
        if driver.poll() is not None:
            pytest.fail(f"the driver ended with {driver.returncode} while waiting for {what}:\n{log.read_text()}")
        if time.monotonic() > deadline:
            pytest.fail(f"{what} did not come within {LIMIT_S:g} s:\n{log.read_text()}")
        time.sleep(0.2)


def samplers_of(driver: int) -> list[int]:
    """The processes of the driver's samplers."""
    return [process.pid for process in Processes.below(driver).samplers()]


def jails_of(driver: int) -> list[int]:
    """The nsjail processes of the driver's samplers, of their sandboxes and of their answer checkers."""
    processes = Processes.below(driver)
    return [process.pid for process in processes.jails() + processes.checkers()]


def processes_of(folder: Path, within_s: float) -> list[str]:
    """Processes that still have files of the run's folder open after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while (found := _holding(folder)) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def _holding(folder: Path) -> list[str]:
    found, beside = [], str(folder / "monitoring")  # of Prometheus, which is no part of the run
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            opened = [os.readlink(descriptor) for descriptor in (entry / "fd").iterdir()]
            if any(path.startswith(str(folder)) and not path.startswith(beside) for path in opened):
                found.append(f"{entry.name} {(entry / 'cmdline').read_bytes()[:80]!r}")
    return found
