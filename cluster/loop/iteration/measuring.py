"""Measuring: attempts the held-out problems with a policy and stores the figures."""

from cluster.loop.iteration.collecting import Collector
from cluster.loop.iteration.context import LoopContext
from cluster.loop.promotion import HELDOUT
from eval.metrics import NothingMeasuredError, compute_metrics, num_scored
from store.records import Policy, Sampling, Split


class Measurer:
    """Measures policies on the held-out problems, through the same samplers as training."""

    def __init__(self, loop: LoopContext, collector: Collector) -> None:
        self._run = loop.run
        self._evaluations = loop.store.evaluations
        self._phases = loop.phases
        self._collector = collector

    def measure(self, policy: Policy) -> dict[str, float]:
        """Greedy pass@1 and, if configured, pass@k and maj@k of sampled attempts: shares from 0 to 1 by metric."""
        settings = self._run.evaluation
        measured = self._evaluate(policy, HELDOUT, 1, self._run.evaluation_sampling(0.0))
        if settings.sampled:
            sampling = self._run.evaluation_sampling(settings.temperature)
            sampled = self._evaluate(policy, f"{HELDOUT}-sampled", settings.sampled, sampling)
            measured |= {name: value for name, value in sampled.items() if name != "pass@1"}
        return measured

    def _evaluate(self, policy: Policy, benchmark: str, samples: int, sampling: Sampling) -> dict[str, float]:
        evaluation = self._evaluations.schedule(
            policy.version,
            benchmark,
            samples=samples,
            sampling=sampling,
            split=Split.HELDOUT,
            limit=self._run.evaluation.problems,
        )
        with self._phases.run("measure", self._evaluations.progress(evaluation)[1]):
            self._collector.await_rollouts(lambda: self._evaluations.progress(evaluation))
        answers = self._evaluations.answers(evaluation)
        measured = compute_metrics(answers)
        if not measured:
            raise NothingMeasuredError(
                f"policy {policy.version} was not measured: every attempt ended in an infrastructure fault. See the "
                "samplers' logs"
            )
        self._evaluations.finish(evaluation, measured, num_scored(answers))
        return measured
