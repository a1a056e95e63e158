"""The processes of a run, found by the environment that all of them inherit, or by descent from the driver.

A driver that is killed leaves no parent to descend from. So whoever wants to find what outlives it starts it with
`marked(mark)` as its environment.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

MARK = "AUTOMATHES_TEST_RUN"

type Match = Callable[[psutil.Process], bool]


def marked(mark: str) -> dict[str, str]:
    """The environment of a command whose processes `Processes.marked(mark)` finds."""
    return os.environ | {MARK: mark}


class Processes:
    """The processes of a run at each moment, by their part. `every` lists them all."""

    def __init__(self, every: Callable[[], Iterator[psutil.Process]]) -> None:
        self._every = every

    @classmethod
    def marked(cls, mark: str) -> "Processes":
        """Those that inherited the mark, whether or not their driver lives."""
        return cls(lambda: (process for process in psutil.process_iter() if _environment(process).get(MARK) == mark))

    @classmethod
    def below(cls, driver: int) -> "Processes":
        """The descendants of a driver."""
        return cls(lambda: _descendants(driver))

    @classmethod
    def in_session(cls, leader: int) -> "Processes":
        """Those of the session that a process leads or led, whether or not it lives."""
        return cls(lambda: (process for process in psutil.process_iter() if _session(process) == leader))

    def all(self) -> list[psutil.Process]:
        """All that have not ended; a zombie has."""
        return [process for process in self._every() if is_alive(process)]

    def samplers(self) -> list[psutil.Process]:
        """The samplers' actors: Ray names a worker's process after its actor."""
        return self._matching(lambda process: title(process).startswith("ray::Sampler"))

    def engines(self) -> list[psutil.Process]:
        """The core processes of vLLM engines that have one of their own."""
        return self._matching(lambda process: title(process).startswith("VLLM::EngineCore"))

    def replicas(self) -> list[psutil.Process]:
        """The replicas of the served policy."""
        return self._matching(lambda process: title(process).startswith("ray::ServeReplica"))

    def ranks(self) -> list[psutil.Process]:
        """The learner's ranks."""
        return self._matching(lambda process: title(process).startswith("ray::PolicyLearner"))

    def jails(self) -> list[psutil.Process]:
        """The nsjail processes of the sandboxes in which model-written code runs."""
        return self._matching(lambda process: process.name() == "nsjail" and not _holds_checker(process))

    def checkers(self) -> list[psutil.Process]:
        """The nsjail processes of the answer checkers."""
        return self._matching(lambda process: process.name() == "nsjail" and _holds_checker(process))

    def _matching(self, matches: Match) -> list[psutil.Process]:
        found = []
        for process in self.all():
            with contextlib.suppress(psutil.Error):
                if matches(process):
                    found.append(process)
        return found


def is_alive(process: psutil.Process) -> bool:
    """Whether a process runs, sleeps or is stopped."""
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def title(process: psutil.Process) -> str:
    """The first word of a process's command line, which some processes set; empty if it has ended."""
    with contextlib.suppress(psutil.Error):
        return "".join(process.cmdline()[:1])
    return ""


def described(process: psutil.Process) -> str:
    """A line about a process, as far as it still has one."""
    with contextlib.suppress(psutil.Error):
        command = " ".join(process.cmdline())[:120].strip() or process.name()
        return f"{process.pid} ({process.status()}, parent {process.ppid()}) {command}"
    return f"{process.pid} (ended)"


def left_after(processes: Processes, within_s: float) -> list[psutil.Process]:
    """What is still there after `within_s` seconds."""
    deadline = time.monotonic() + within_s
    while (found := processes.all()) and time.monotonic() < deadline:
        time.sleep(0.5)
    return found


def end(processes: Processes) -> None:
    """Kill all of them, stopped ones included."""
    for process in processes.all():
        with contextlib.suppress(psutil.Error):
            process.send_signal(signal.SIGKILL)


def _holds_checker(jail: psutil.Process) -> bool:
    """Whether a jail is the answer checker's: it sees sympy and not the other packages that model code may import."""
    for inner in jail.children():
        with contextlib.suppress(OSError):
            mounts = Path(f"/proc/{inner.pid}/mountinfo").read_text()
            return "/packages/sympy" in mounts and "/packages/numpy" not in mounts
    return False


def _descendants(pid: int) -> Iterator[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        yield from psutil.Process(pid).children(recursive=True)


def _session(process: psutil.Process) -> int:
    with contextlib.suppress(OSError):
        return os.getsid(process.pid)
    return 0


def _environment(process: psutil.Process) -> dict[str, str]:
    with contextlib.suppress(psutil.Error, OSError):
        return process.environ()
    return {}
