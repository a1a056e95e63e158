"""Control of a running loop: pause, resume and stop, requested by the command line or the operator."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from cluster.loop.fleet import Fleet
from cluster.loop.progress import NullProgress, Progress
from learner.directive import Directive
from store.runs.run import Run
from store.runs.run_state import ActualState, DesiredState

_POLL_S = 0.5


class StopRequested(Exception):  # noqa: N818 - not an error: the run was asked to end, at a safe point
    """The run was asked to stop; everything that was sampled is in the store."""


@dataclass(slots=True)
class Operator:
    """The caller that drives the loop: receives its progress and may request a stop. Tune trials have the defaults."""

    progress: Progress = field(default_factory=NullProgress)
    stop_requested: Callable[[], bool] = lambda: False


class Control:
    """Applies the desired state in the store, and stop requests of the operator."""

    def __init__(self, run: Run, fleet: Fleet, operator: Operator) -> None:
        self._run = run
        self._fleet = fleet
        self._operator = operator

    def directive(self) -> Directive:
        """What a running training is to do."""
        desired = self._run.desired()
        if self._operator.stop_requested() or desired is DesiredState.STOPPED:
            return Directive.STOP
        return Directive.PAUSE if desired is DesiredState.PAUSED else Directive.RUN

    def wait_while_paused(self) -> bool:
        """Pause for as long as that is desired; returns whether it was. Raises `StopRequested` if the run is to end."""
        if self._desired() is not DesiredState.PAUSED:
            return False
        self._fleet.pause()
        self._run.set_actual(ActualState.PAUSED)
        self._operator.progress.note("paused; `automathes resume` continues")
        while self._desired() is DesiredState.PAUSED:
            time.sleep(_POLL_S)
        self._fleet.resume()
        self._run.set_actual(ActualState.RUNNING)
        self._operator.progress.note("resumed")
        return True

    def _desired(self) -> DesiredState:
        desired = self._run.desired()
        if self._operator.stop_requested() or desired is DesiredState.STOPPED:
            raise StopRequested
        return desired
