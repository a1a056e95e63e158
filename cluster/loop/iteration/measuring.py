"""Measuring: has samplers attempt the held-out problems with a policy, and stores the figures once they have.

Nothing waits for a measurement. The engines that hold a policy sample its evaluations ahead of training work.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from cluster.loop.heldout import HELDOUT, HELDOUT_SAMPLED, heldout_figures
from cluster.loop.iteration.context import LoopContext
from eval.figure_text import figure_lines, gaps
from eval.metrics import compute_figures
from store.records import Split
from store.runs.figures import Figure, Measured

log = logging.getLogger(__name__)


class _Scheduled(NamedTuple):
    """The unfinished evaluations of a policy; the greedy one is on `problems` held-out problems."""

    problems: int
    evaluations: Sequence[int]


class Measurer:
    """Measures policies on the held-out problems, through the same samplers as training."""

    def __init__(self, loop: LoopContext) -> None:
        self._run = loop.run
        self._evaluations = loop.store.evaluations
        self._operator = loop.operator
        self._scheduled: dict[int, _Scheduled] = {}  # by version

    def advance(self, version: int, problems: int | None = None) -> bool:
        """Schedule what is missing, and store the figures if all attempts are in the store; whether they are.

        `problems`: how many held-out problems decide on the promotion, if not as many as configured.
        """
        problems = problems or self._run.evaluation.problems
        scheduled = self._scheduled.get(version)
        if scheduled is None or scheduled.problems != problems:
            scheduled = self._scheduled[version] = _Scheduled(problems, self._schedule(version, problems))
        if any(self._missing(evaluation) for evaluation in scheduled.evaluations):
            return False
        del self._scheduled[version]
        for evaluation in scheduled.evaluations:
            self._finish(evaluation)
        return True

    def finish_left_over(self) -> None:
        """Store the figures of complete evaluations that nothing waits for: their policies were replaced meanwhile."""
        scheduled = {evaluation for one in self._scheduled.values() for evaluation in one.evaluations}
        for evaluation in self._evaluations.unfinished():
            if evaluation.id not in scheduled and not self._missing(evaluation.id):
                self._finish(evaluation.id)

    def progress(self, versions: list[int]) -> tuple[int, int]:
        """(done, scheduled) attempts of the unfinished evaluations of these versions."""
        counts = [self._evaluations.progress(e) for v in versions for e in self._evaluations_of(v)]
        return sum(done for done, _ in counts), sum(total for _, total in counts)

    def figures(self, version: int) -> Mapping[str, Figure]:
        """Greedy pass@1 and, if configured, pass@k and maj@k of sampled attempts, by metric, as they are stored."""
        return heldout_figures(self._evaluations.figures()).get(version, {})

    def _evaluations_of(self, version: int) -> Sequence[int]:
        scheduled = self._scheduled.get(version)
        return scheduled.evaluations if scheduled else ()

    def _schedule(self, version: int, problems: int) -> list[int]:
        settings = self._run.evaluation
        wanted = [(HELDOUT, 1, 0.0)]
        if settings.sampled:
            wanted.append((HELDOUT_SAMPLED, settings.sampled, settings.temperature))
        return [
            self._evaluations.schedule(
                version,
                benchmark,
                samples=samples,
                sampling=self._run.evaluation_sampling(temperature),
                split=Split.HELDOUT,
                limit=problems if benchmark == HELDOUT else settings.problems,
            )
            for benchmark, samples, temperature in wanted
        ]

    def _missing(self, evaluation: int) -> int:
        done, total = self._evaluations.progress(evaluation)
        return total - done

    def _finish(self, evaluation: int) -> None:
        scheduled = self._evaluations.get(evaluation)
        measured = compute_figures(self._evaluations.answers(evaluation), scheduled.samples)
        self._evaluations.finish(evaluation, measured)
        self._report(scheduled.policy_version, scheduled.benchmark, measured, scheduled.samples)

    def _report(self, version: int, benchmark: str, measured: Measured, samples: int) -> None:
        """Log the figures, and note on the screen what they lack."""
        log.info("policy %d on %s: %s", version, benchmark, "; ".join(figure_lines(measured, samples)))
        for line in gaps(measured, samples):
            self._operator.progress.note(f"v{version} on {benchmark}: {line}")
