"""Measuring: attempts the held-out problems with a policy and stores the figures."""

import logging

from cluster.loop.iteration.collecting import Collector
from cluster.loop.iteration.context import LoopContext
from cluster.loop.promotion import HELDOUT
from eval.figure_text import figure_lines, gaps
from eval.metrics import compute_figures
from store.records import Policy, Sampling, Split
from store.runs.figures import Figure, Measured

log = logging.getLogger(__name__)


class Measurer:
    """Measures policies on the held-out problems, through the same samplers as training."""

    def __init__(self, loop: LoopContext, collector: Collector) -> None:
        self._run = loop.run
        self._evaluations = loop.store.evaluations
        self._phases = loop.phases
        self._operator = loop.operator
        self._collector = collector

    def measure(self, policy: Policy) -> dict[str, Figure]:
        """Greedy pass@1 and, if configured, pass@k and maj@k of sampled attempts, by metric."""
        settings = self._run.evaluation
        measured = self.measure_greedy(policy, settings.problems)
        if settings.sampled:
            sampling = self._run.evaluation_sampling(settings.temperature)
            sampled = self._evaluate(policy, f"{HELDOUT}-sampled", settings.sampled, sampling, settings.problems)
            measured |= {name: figure for name, figure in sampled.items() if name != "pass@1"}
        return measured

    def measure_greedy(self, policy: Policy, problems: int) -> dict[str, Figure]:
        """Greedy pass@1 on so many of the held-out problems; attempts that are in the store are not repeated."""
        return self._evaluate(policy, HELDOUT, 1, self._run.evaluation_sampling(0.0), problems)

    def _evaluate(
        self, policy: Policy, benchmark: str, samples: int, sampling: Sampling, problems: int
    ) -> dict[str, Figure]:
        evaluation = self._evaluations.schedule(
            policy.version,
            benchmark,
            samples=samples,
            sampling=sampling,
            split=Split.HELDOUT,
            limit=problems,
        )
        with self._phases.run("measure", self._evaluations.progress(evaluation)[1]):
            self._collector.await_rollouts(lambda: self._evaluations.progress(evaluation))
        measured = compute_figures(self._evaluations.answers(evaluation), samples)
        self._evaluations.finish(evaluation, measured)
        self._report(policy, benchmark, measured, samples)
        return dict(measured.figures)

    def _report(self, policy: Policy, benchmark: str, measured: Measured, samples: int) -> None:
        """Log the figures, and note on the screen what they lack."""
        log.info("policy %d on %s: %s", policy.version, benchmark, "; ".join(figure_lines(measured, samples)))
        for line in gaps(measured, samples):
            self._operator.progress.note(f"v{policy.version} on {benchmark}: {line}")
