"""Strikes a run with the planned faults, and takes the time until each is recovered from."""

import contextlib
import logging
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.chaos.faults import KINDS, WORK, Scene, Strike
from tests.chaos.run_driver import POLL_S, ChaosRun
from tests.chaos.schedule import Planned
from tests.chaos.small_disk import SmallDisk
from tests.store.postgresql_server import PostgresqlServer

log = logging.getLogger(__name__)

RECOVERY_LIMIT_S = 240.0
DISK_MIB = 64
LAST_JUDGED = 0.9  # with a quorum below one, an iteration is trained on before all of it is written


@dataclass
class Recovery:
    """A fault, and the seconds until its part did work again and until the part was back; None: not within the limit.

    They count from the strike, or from when what the fault held back was given back. `said` is what the run said that
    it did or waited for, in between. `is_outlived`: the run was done before the limit, and needed the part no more.
    """

    planned: Planned
    strike: Strike
    work_s: float | None = None
    back_s: float | None = None
    said: list[str] = field(default_factory=list)
    is_outlived: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether the fault is recovered from."""
        return self.work_s is not None and self.back_s is not None

    def look(self, scene: Scene) -> None:
        """Take the time of what has come back."""
        kind, since = KINDS[self.strike.kind], self.strike.since
        if self.is_whole or (kind.holds and not self.strike.healed_at):
            return
        # What is published after a fault is its work in any case; rollouts are also written by what a fault left alive.
        work_after = self.strike.at if kind.work == "published" else since
        if self.work_s is None and (worked_at := WORK[kind.work](scene.journal, work_after)) is not None:
            self.work_s = max(worked_at - since, 0.0)
        if self.back_s is None and kind.is_back(scene, self.strike):
            self.back_s = time.time() - since
        said = scene.journal.now.activity
        if said and said not in self.said:
            self.said.append(said)
        if self.is_whole:
            log.info("%s is recovered from: %.1f s, %.1f s", self.strike.kind, self.work_s, self.back_s)


class Striker:
    """Makes the planned faults one after the other, while the run is on."""

    def __init__(self, run: ChaosRun, scene: Scene) -> None:
        self._run = run
        self._scene = scene
        self.recoveries: list[Recovery] = []

    def strike_all(self, planned: Sequence[Planned]) -> None:
        """Make all faults, fewer if the run is over before, and wait until they are recovered from."""
        for fault in planned:
            if not fault.joined:
                self._await_recovery(self._threshold(fault))
            if not self._strike(fault):
                break
        self._await_recovery()

    def _strike(self, fault: Planned) -> bool:
        """Wait for the moment of a fault and make it; returns whether it came before the end of the run."""
        threshold, kind = self._threshold(fault), KINDS[fault.kind]

        def is_made() -> bool:
            self._look()
            if self._scene.journal.now.trained_on < threshold:
                return False
            strike = kind.strike(self._scene)
            if strike is not None:
                self.recoveries.append(Recovery(fault, strike))
                log.info("%d: %s %s, %d rollouts", len(self.recoveries), strike.kind, strike.victim, threshold)
            return strike is not None

        if not self._run.wait(is_made, f"a moment for {fault}"):
            return False
        if kind.holds:
            self._heal(self.recoveries[-1])
        return True

    @property
    def _per_iteration(self) -> int:
        return self._run.settings.problems * self._run.settings.samples

    def _threshold(self, fault: Planned) -> float:
        """How many rollouts are written when a fault is due."""
        return (fault.iteration - 1 + min(fault.share, LAST_JUDGED)) * self._per_iteration

    def _heal(self, recovery: Recovery) -> None:
        """Give back what the fault holds back, after its time."""
        held_until = time.monotonic() + recovery.planned.held_s
        while time.monotonic() < held_until:
            self._look()
            time.sleep(POLL_S)
        KINDS[recovery.strike.kind].heal(self._scene)
        recovery.strike.healed_at = time.time()

    def _await_recovery(self, due: float = math.inf) -> None:
        """Wait until all faults are recovered from, but at most half an iteration beyond the rollouts of the next.

        One that is not recovered from within the limit stays without its seconds. A checker comes back when it is
        needed, which may be iterations later.
        """

        def is_over() -> bool:
            self._look()
            if self._scene.journal.now.trained_on > due + self._per_iteration / 2:
                return True
            earliest = time.time() - RECOVERY_LIMIT_S
            return all(recovery.is_whole or recovery.strike.since < earliest for recovery in self.recoveries)

        self._run.wait(is_over, "the recovery")

    def _look(self) -> None:
        for recovery in self.recoveries:
            recovery.look(self._scene)


def strike_run(run: ChaosRun, planned: Sequence[Planned], server: PostgresqlServer | None, seed: int) -> list[Recovery]:
    """Strike a run that was started with each planned fault, and wait until its iterations are done."""
    with contextlib.ExitStack() as stack:
        disk = None
        if any(fault.kind == "policies full" for fault in planned):
            run.wait((run.folder / "policies").is_dir, "the folder of the run")
            disk = stack.enter_context(SmallDisk(run.folder.resolve() / "policies", DISK_MIB))
        scene = Scene(run.processes, run.journal, run, random.Random(seed), server, disk)
        striker = Striker(run, scene)
        striker.strike_all(planned)
        run.wait(lambda: False, "the end of the run")
        for recovery in striker.recoveries:
            recovery.is_outlived = not recovery.is_whole and recovery.strike.since > time.time() - RECOVERY_LIMIT_S
        return striker.recoveries
