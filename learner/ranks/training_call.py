"""One training as a call to all ranks, which get the driver's directive while it runs."""

from collections.abc import Callable

from learner.checkpoints.resumption import Resumption
from learner.directive import Directive
from learner.ranks.gang import Gang
from learner.ranks.rllib_learner import TrainingResult


class TrainingCall:
    """Calls `update` on all ranks, reports their steps and passes changes of the directive on to them."""

    def __init__(self, gang: Gang, on_progress: Callable[[int, int], None], directive: Callable[[], Directive]) -> None:
        self._gang = gang
        self._on_progress = on_progress
        self._directive = directive
        self._passed_on = Directive.RUN

    def run(self, training_set_id: int, phase: str, version: int, resumption: Resumption | None) -> TrainingResult:
        """Train until the end, or until the directive is to stop. Raises what `Gang.call` raises."""
        self._passed_on = self._directive()
        self._gang.call("begin_training", self._passed_on, on_poll=self.poll)
        self._gang.forget_steps()
        results: list[TrainingResult] = self._gang.call(
            "update",
            on_poll=self._poll_and_direct,
            training_set_id=training_set_id,
            phase=phase,
            version=version,
            resumption=resumption,
        )
        return results[0]

    def poll(self) -> None:
        """Report the steps that are done."""
        progress = self._gang.progress.get(0)
        self._on_progress(progress.step if progress else 0, progress.total if progress else 0)

    def _poll_and_direct(self) -> None:
        self.poll()
        directive = self._directive()
        if directive is not self._passed_on:
            self._passed_on = directive
            self._gang.notify("direct", directive)
