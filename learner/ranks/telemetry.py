"""The steps of one rank as Ray metrics, which Prometheus scrapes and the dashboards show (docs/monitoring.md)."""

from ray.util.metrics import Counter, Gauge, Histogram

from learner.progress import StepFigures

_STEP_S = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0]


class LearnerTelemetry:
    """Gauges of the latest step; counters of steps and tokens; the distribution of the steps' seconds."""

    def __init__(self, run: str, rank: int) -> None:
        tags = {"run": run, "rank": str(rank)}

        def make[T: (Counter, Gauge)](kind: type[T], name: str, description: str) -> T:
            return kind(f"automathes_learner_{name}", description, tuple(tags)).set_default_tags(tags)

        self._loss = make(Gauge, "loss", "Loss of the latest step [nats per token]; its mean over ranks is the step's")
        self._norm = make(Gauge, "grad_norm", "Gradient norm of the latest step, before clipping")
        self._rate = make(Gauge, "learning_rate", "Learning rate of the latest step")
        self._steps = make(Counter, "steps", "Steps of the optimizer, skipped ones included")
        self._skipped = make(Counter, "skipped_steps", "Steps that were skipped, as a loss or norm was not finite")
        self._tokens = make(Counter, "tokens", "Tokens that the loss covers; each rank counts an equal share")
        self._seconds = Histogram(
            "automathes_learner_step_seconds", "Wall time of a step", _STEP_S, tuple(tags)
        ).set_default_tags(tags)

    def record(self, step: StepFigures) -> None:
        """Record a step."""
        if step.loss is None or step.grad_norm is None:
            self._skipped.inc()
        else:
            self._loss.set(step.loss)
            self._norm.set(step.grad_norm)
        self._rate.set(step.learning_rate)
        self._steps.inc()
        self._tokens.inc(step.tokens)
        self._seconds.observe(step.seconds)
