"""Control of a running loop: pause, resume and stop, requested by the command line or the operator."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cluster.loop.progress import NullProgress, Progress
from cluster.loop.supervision.activity import Activity
from learner.directive import Directive
from store.runs.run import Run
from store.runs.run_state import ActualState, DesiredState


class StopRequested(Exception):  # noqa: N818 - not an error: the run was asked to end, at a safe point
    """The run was asked to stop; everything that was sampled is in the store."""


@dataclass(slots=True)
class Operator:
    """The caller that drives the loop: receives its progress and may request a stop. Tune trials have the defaults."""

    progress: Progress = field(default_factory=NullProgress)
    activity: Activity = field(default_factory=Activity)
    stop_requested: Callable[[], bool] = lambda: False


class Control:
    """The desired state in the store, and stop requests of the operator.

    Samplers read a pause from the store themselves, and the learner is given the directive at every poll.
    """

    def __init__(self, run: Run, operator: Operator) -> None:
        self._run = run
        self._operator = operator
        self._is_paused = False

    def directive(self) -> Directive:
        """What is requested now."""
        desired = self._run.desired()
        if self._operator.stop_requested() or desired is DesiredState.STOPPED:
            return Directive.STOP
        return Directive.PAUSE if desired is DesiredState.PAUSED else Directive.RUN

    def apply(self, directive: Directive, held: int, *, is_learning: bool) -> str | None:
        """Report a pause once nothing is under way any more; returns what is still waited for, None without a request.

        Args:
            directive: what is requested.
            held: the attempts that samplers have under way.
            is_learning: whether the learner trains, and has not stopped between two steps yet.
        """
        if directive is Directive.RUN:
            self._resume()
            return None
        verb = "stopping" if directive is Directive.STOP else "pausing"
        waits = [f"{held} attempts under way"] if held and directive is Directive.PAUSE else []
        waits += ["the learner's step"] if is_learning else []
        if waits or directive is Directive.STOP:
            return f"{verb}: waits for {' and '.join(waits)}" if waits else verb
        self._pause()
        return "paused"

    def _pause(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._run.set_actual(ActualState.PAUSED)
            self._operator.progress.note("paused; `automathes resume` continues")

    def _resume(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._run.set_actual(ActualState.RUNNING)
            self._operator.progress.note("resumed")
