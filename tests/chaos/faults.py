"""The kinds of faults: each finds its victim among the run's processes, strikes it, and knows when it is back."""

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from signal import SIGKILL, SIGSTOP, Signals
from typing import Protocol

import psutil

from tests.chaos.checks.journal import Journal
from tests.chaos.small_disk import SmallDisk
from tests.processes import Processes
from tests.store.postgresql_server import PostgresqlServer

SAMPLES_WITHIN_S = 1.5  # a run whose last rollout is older than this is not sampling


@dataclass
class Scene:
    """What faults act on: the processes of a run, its drivers, its store; its database server and disk, if any."""

    processes: Processes
    journal: Journal
    drivers: "Drivers"
    random: random.Random
    server: PostgresqlServer | None = None
    disk: SmallDisk | None = None

    def is_training(self) -> bool:
        """Whether the driver says that the learner trains."""
        return " trains" in self.journal.now.activity

    def is_sampling(self) -> bool:
        """Whether rollouts are being written."""
        return self.journal.judged_since(time.time() - SAMPLES_WITHIN_S) is not None


@dataclass
class Strike:
    """A fault that was made."""

    kind: str
    at: float
    victim: str
    before: frozenset[int] = frozenset()  # processes of the victim's part, itself included
    starts: int = 0  # of samplers, before
    driver: int = 0  # its process, before: the next one counts the starts of its samplers anew
    healed_at: float = 0.0  # when what the fault itself held back was given back; 0: not yet, or nothing is

    @property
    def since(self) -> float:
        """From when on the run could recover."""
        return max(self.at, self.healed_at)


class Drivers(Protocol):
    """The drivers of a run: the present one, and the next."""

    driver: psutil.Popen

    def resume(self) -> None:
        """Start the next driver."""
        ...


class Kind(Protocol):
    """A kind of fault. `work` names what shows that the part works again: see `WORK`. `holds`: until it is healed."""

    name: str
    work: str
    holds: bool

    def strike(self, scene: Scene) -> Strike | None:
        """Make the fault; None if there is no victim at this moment."""
        ...

    def is_back(self, scene: Scene, strike: Strike) -> bool:
        """Whether the part is there again."""
        ...

    def heal(self, scene: Scene) -> None:
        """Give back what only the fault itself holds back."""
        ...


WORK: dict[str, Callable[[Journal, float], float | None]] = {
    "judged": Journal.judged_since,
    "published": Journal.published_since,
}
"""When a part that was hit at a moment did work again."""


@dataclass
class ProcessFault:
    """A signal to one process of a part, while the part works. A process that is stopped stays so."""

    name: str
    victims: Callable[[Processes], list[psutil.Process]]
    work: str
    signal: Signals = SIGKILL
    ends_sampler: bool = False  # which then has to start again as a whole
    holds: bool = False

    def strike(self, scene: Scene) -> Strike | None:
        if not (scene.is_sampling() if self.work == "judged" else scene.is_training()):
            return None
        victims = [process for process in self.victims(scene.processes) if _is_running(process)]
        if not victims:
            return None
        before = frozenset(process.pid for process in self.victims(scene.processes))
        victim = scene.random.choice(sorted(victims, key=lambda process: process.pid))
        starts, at = scene.journal.now.starts, time.time()
        try:
            victim.send_signal(self.signal)
        except psutil.Error:  # it ended meanwhile
            return None
        return Strike(self.name, at, str(victim.pid), before, starts, scene.drivers.driver.pid)

    def is_back(self, scene: Scene, strike: Strike) -> bool:
        if self.ends_sampler:
            seen, has_new_driver = scene.journal.now, scene.drivers.driver.pid != strike.driver
            is_new = seen.starts > strike.starts or (has_new_driver and seen.samplers_since > strike.at)
            return is_new and seen.samplers_work
        if self.work == "published" and scene.journal.published_since(strike.at) is not None:
            return True  # by the new process, or by the victim before it ended: then no new one is needed yet
        working = self.victims(scene.processes)
        return any(process.pid not in strike.before and _is_running(process) for process in working)

    def heal(self, scene: Scene) -> None:
        pass


@dataclass
class DriverFault:
    """The driver is killed, and the run is resumed when the fault is healed."""

    name: str = "driver"
    work: str = "judged"
    holds: bool = True

    def strike(self, scene: Scene) -> Strike | None:
        driver = scene.drivers.driver
        if driver.poll() is not None or not scene.journal.now.trained_on:
            return None
        at = time.time()
        driver.kill()
        driver.wait()
        return Strike(self.name, at, str(driver.pid))

    def is_back(self, scene: Scene, strike: Strike) -> bool:
        seen = scene.journal.now
        return seen.state == "running" and seen.heartbeat_at > strike.since

    def heal(self, scene: Scene) -> None:
        scene.drivers.resume()


@dataclass
class ServerFault:
    """The database server stops as if killed, and starts again when the fault is healed."""

    name: str = "postgresql"
    work: str = "judged"
    holds: bool = True

    def strike(self, scene: Scene) -> Strike | None:
        if scene.server is None or not scene.is_sampling():
            return None
        at = time.time()
        scene.server.stop()
        return Strike(self.name, at, "server")

    def is_back(self, scene: Scene, strike: Strike) -> bool:
        return scene.journal.now.at > strike.healed_at > 0

    def heal(self, scene: Scene) -> None:
        assert scene.server is not None
        scene.server.start()


@dataclass
class FullDiskFault:
    """The disk of the policies is full until the fault is healed, from the time when the next one is trained."""

    name: str = "policies full"
    work: str = "published"
    holds: bool = True

    def strike(self, scene: Scene) -> Strike | None:
        if scene.disk is None or not scene.is_training():
            return None
        at = time.time()
        scene.disk.fill()
        return Strike(self.name, at, "policies/")

    def is_back(self, scene: Scene, strike: Strike) -> bool:
        return strike.healed_at > 0

    def heal(self, scene: Scene) -> None:
        assert scene.disk is not None
        scene.disk.empty()


def _is_running(process: psutil.Process) -> bool:
    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _process_kinds() -> list[ProcessFault]:
    samplers, engines, ranks = Processes.samplers, Processes.engines, Processes.ranks
    return [
        ProcessFault("sampler", samplers, "judged", ends_sampler=True),
        ProcessFault("engine core", engines, "judged", ends_sampler=True),
        ProcessFault("nsjail", Processes.jails, "judged"),
        ProcessFault("checker", Processes.checkers, "judged"),
        ProcessFault("learner rank", ranks, "published"),
        ProcessFault("sampler stopped", samplers, "judged", SIGSTOP, ends_sampler=True),
        ProcessFault("rank stopped", ranks, "published", SIGSTOP),
    ]


KINDS: dict[str, Kind] = {
    kind.name: kind for kind in (*_process_kinds(), DriverFault(), ServerFault(), FullDiskFault())
}


def possible_kinds(*, has_server: bool) -> list[str]:
    """The names of the kinds that this machine and this store allow."""
    excluded = {
        ServerFault.name if not has_server else "",
        FullDiskFault.name if os.geteuid() != 0 else "",
    }
    return [name for name in KINDS if name not in excluded]
