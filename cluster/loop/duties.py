"""The duties of the driver: what the run's position says is due is done at every poll, and nothing is waited for."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from cluster.loop.iteration.closing import Closer
from cluster.loop.iteration.context import LoopContext
from cluster.loop.iteration.measuring import Measurer
from cluster.loop.iteration.opening import open_iteration
from cluster.loop.iteration.speed import SpeedMeter
from cluster.loop.iteration.telemetry import LoopTelemetry, Moment
from cluster.loop.position import Position, read_position
from cluster.loop.promotion import assess, record_decision
from cluster.loop.supervision.silence import SilenceWatch
from learner.directive import Directive


class Learner(Protocol):
    """The part of the learner group that is reported."""

    @property
    def activity(self) -> str:
        """What it does or waits for, in words."""
        ...

    @property
    def is_paused(self) -> bool:
        """Whether it holds between two steps."""
        ...


class Duties:
    """Opens iterations, measures and promotes policies, closes iterations, and supervises the samplers.

    Each duty is done once and may be repeated: the position is read from the store, so that a new driver continues
    wherever the last one was killed.
    """

    def __init__(
        self,
        loop: LoopContext,
        learner: Learner,
        measurer: Measurer,
        closer: Closer,
        meter: SpeedMeter,
        telemetry: LoopTelemetry,
    ) -> None:
        self._loop = loop
        self._store = loop.store
        self._learner = learner
        self._measurer = measurer
        self._closer = closer
        self._meter = meter
        self._telemetry = telemetry
        self._wanted: dict[int, int] = {}  # held-out problems by version, if more than at first
        self._fully_measured: set[int] = set()  # promoted policies that were measured on the whole budget
        self._silence = SilenceWatch(loop.run.ray.stall_s)
        self.holdups: list[Callable[[], str | None]] = []
        """Each returns what another part of the loop waits for, None while it goes on."""
        self.directive = Directive.RUN
        """What was requested at the last poll."""

    def tend(self, wait_s: float, *, is_learning: bool = False) -> Position:
        """Do what is due, and poll the samplers for up to `wait_s` seconds; returns the position of before.

        Raises:
            SamplersLostError: no sampler works.
            StalledError: nothing has made progress for too long.
        """
        self.directive = self._loop.control.directive()
        position = read_position(self._store, self._loop.run)
        if self.directive is Directive.RUN:
            for number in position.to_open:
                open_iteration(self._loop, number)
        for version in position.to_measure:
            self._measure(version)
        for number in position.to_close:
            self._close(number)
        self._measure_promoted()
        self._supervise(position, wait_s, is_learning=is_learning)
        return position

    # ---------------------------------------------------------------- policies and iterations

    def _measure(self, version: int) -> None:
        """Measure a policy, and decide on its promotion once it is measured well enough."""
        if not self._measurer.advance(version, self._wanted.get(version)):
            return
        policy = self._store.policies.get(version)
        assessment = assess(self._store, policy, self._loop.run)
        if assessment.decision is None:
            assert assessment.more_problems is not None, "without a decision there is more to measure"
            self._wanted[version] = assessment.more_problems
            return
        self._wanted.pop(version, None)
        record_decision(self._store, policy, assessment)
        if not policy.iteration:  # the base and the warm start have a report, but no iteration that is closed
            self._closer.close(self._store.policies.get(version))

    def _measure_promoted(self) -> None:
        """Measure the promoted policy on the whole budget, so that its successors can be compared with it there."""
        promoted = self._store.policies.promoted()
        if promoted is None or promoted.decision is None or promoted.version in self._fully_measured:
            return
        version = promoted.version
        wanted = self._wanted.get(version)
        if wanted is None or self._measurer.advance(version, wanted):
            more = assess(self._store, promoted, self._loop.run).more_problems
            if more is None:
                self._fully_measured.add(version)
            else:
                self._wanted[version] = more

    def _close(self, number: int) -> None:
        """Report the iteration, and complete what was left over until now."""
        self._measurer.finish_left_over()
        policy = next(policy for policy in reversed(self._store.policies.all()) if policy.iteration == number)
        self._closer.close(policy)

    # ---------------------------------------------------------------- samplers

    def _supervise(self, position: Position, wait_s: float, *, is_learning: bool) -> None:
        fleet = self._loop.fleet
        wanted = self._store.run.state().target_samplers
        if wanted is not None and wanted != fleet.size:
            for name in fleet.resize(wanted):
                self._store.assignments.release(name)
                self._store.samplers.remove(name)
        stats = fleet.poll(wait_s)
        is_paused = self.directive is Directive.PAUSE
        sampled = None if is_paused else position.sampled_now
        self._meter.tick(sampled, stats, is_measuring=bool(position.to_measure) and not is_paused)
        self._report(position, is_learning=is_learning)
        if is_learning or self.directive is not Directive.RUN:
            self._silence.reset()
        else:
            self._silence.check((position, fleet.signs), lambda: self._describe(position))

    def _report(self, position: Position, *, is_learning: bool) -> None:
        """Show what the run does, and store it for `automathes status`."""
        loop, doing = self._loop, []
        holds = not is_learning or self._learner.is_paused
        requested = loop.control.apply(self.directive, loop.fleet.held, is_learning=not holds)
        if requested is not None:
            doing.append(requested)
        if is_learning:
            doing.append(self._learner.activity)
        doing += self._track("sample", *position.sampling, "sampling")
        doing += self._track("measure", *self._measurer.progress(position.to_measure), "measuring")
        holdups = [*loop.fleet.holdups(), *filter(None, (holdup() for holdup in self.holdups))]
        loop.operator.activity.report(doing, holdups, loop.operator.progress)
        self._telemetry.record_moment(self._moment(position))

    def _moment(self, position: Position) -> Moment:
        fleet, is_sampling = self._loop.fleet, position.sampled_now is not None
        disk_free, disk = _disk_space(self._loop.folder.path)
        return Moment(
            seen_seconds=time.time(),
            is_sampling=is_sampling and self.directive is Directive.RUN,
            missing_rollouts=position.missing,
            policy_version=max((policy.version for policy in position.policies), default=0),
            samplers=fleet.size,
            samplers_working=fleet.num_working,
            holdups=self._loop.operator.activity.num_holdups,
            disk_free_bytes=disk_free,
            disk_bytes=disk,
        )

    def _track(self, name: str, done: int, total: int, verb: str) -> list[str]:
        """Show a bar while something is missing; returns the same in words."""
        progress, starts = self._loop.operator.progress, self._loop.fleet.num_working == 0
        if done >= total:
            progress.untrack(name)
            return []
        progress.track(name, done, total, "samplers start" if starts else "")
        return [f"{verb} ({done} of {total}{', samplers start' if starts else ''})"]

    def _describe(self, position: Position) -> str:
        done, total = self._measurer.progress(position.to_measure)
        missing = [f"{position.missing} rollouts"] * bool(position.missing)
        missing += [f"{total - done} attempts of evaluations"] * (total > done)
        return f"{' and '.join(missing) or 'nothing'} missing; {self._loop.fleet.describe()}"


def _disk_space(folder: Path) -> tuple[int, int]:
    """Bytes that are free on a folder's disk, and its size; zeros if the disk does not answer."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return 0, 0
    return usage.free, usage.total
