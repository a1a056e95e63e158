"""The run that is struck: starts its driver, resumes it after each end, waits as long as the run makes progress."""

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from tests.chaos.checks.journal import Journal
from tests.chaos.run_settings import RunSettings
from tests.processes import Processes, end, marked

COMMAND = str(Path(sys.executable).with_name("automathes"))
POLL_S = 0.2
SILENCE_S = 300.0
UNPLANNED_ENDS = 3


class ChaosError(RuntimeError):
    """The run could not go on as planned; the message has the end of its log."""


class ChaosRun:
    """A run in `folder`. Its processes, its temporary folder and the store are its own and can be told from others'."""

    def __init__(self, folder: Path, settings: RunSettings, iterations: int, mark: str) -> None:
        self.log = folder / "output.txt"
        self.runs = folder / "runs"
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        self.settings = settings
        self.iterations = iterations
        self.processes = Processes.marked(mark)
        self.journal = Journal(self.store_url)
        self.unplanned: list[str] = []
        self._config = settings.write(folder)
        self._environment = marked(mark) | {
            "TMPDIR": str(self.temporary),
            "VLLM_ENABLE_V1_MULTIPROCESSING": str(int(settings.engine_core)),
        }
        self._driver: psutil.Popen | None = None

    @property
    def folder(self) -> Path:
        """The run's own folder, once there is one."""
        return self.runs / "latest"

    @property
    def store_url(self) -> str:
        return self.settings.store_url or f"sqlite:///{self.runs / 'demo-1' / 'store.db'}"

    @property
    def driver(self) -> psutil.Popen:
        assert self._driver is not None, "the run was not started"
        return self._driver

    @contextlib.contextmanager
    def running(self) -> Iterator["ChaosRun"]:
        """Start the run; at the end of the context nothing of it runs any more."""
        overrides = [word for override in self.settings.overrides for word in ("--set", override)]
        self._start("run", "--config", str(self._config), "--iterations", str(self.iterations), *overrides)
        try:
            with self.journal:
                yield self
        finally:
            if self.driver.poll() is None:
                self.driver.send_signal(signal.SIGTERM)
                with contextlib.suppress(psutil.TimeoutExpired, subprocess.TimeoutExpired):
                    self.driver.wait(timeout=30.0)
            end(self.processes)

    def resume(self) -> None:
        """Start the next driver, as a user does after a crash."""
        self._start("run", "--resume")

    def revive(self) -> bool:
        """Resume the run if its driver ended by itself before its iterations were done; returns whether it is over."""
        code = self.driver.poll()
        if code is None:
            return False
        if code == 0:
            return True
        self.unplanned.append(f"a driver ended by itself with {code}:\n{self.end_of_log()}")
        if len(self.unplanned) > UNPLANNED_ENDS:
            raise ChaosError(f"the run ended by itself {len(self.unplanned)} times:\n{self.end_of_log()}")
        self.resume()
        return False

    def wait(self, condition: Callable[[], bool], what: str) -> bool:
        """Wait for a condition while the run makes progress, and resume it after its ends.

        Returns False if the run is over without it. Raises `ChaosError` after `SILENCE_S` without progress.
        """
        progress, since = self.journal.now.progress, time.monotonic()
        while not condition():
            if self.revive():
                return condition()
            if self.journal.now.progress != progress:
                progress, since = self.journal.now.progress, time.monotonic()
            if time.monotonic() - since > SILENCE_S:
                raise ChaosError(f"no progress for {SILENCE_S:g} s while waiting for {what}:\n{self.end_of_log()}")
            time.sleep(POLL_S)
        return True

    def end_of_log(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _start(self, *arguments: str) -> None:
        with self.log.open("ab") as output:
            self._driver = psutil.Popen(
                [COMMAND, *arguments, "--runs", str(self.runs)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
            )
