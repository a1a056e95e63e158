"""The learner: whether the loss falls, how fast steps are, and which rank is slow."""

from cluster.monitoring.panels import Dashboard, Panel
from cluster.monitoring.queries import OF_RUN, Query

LEARNER = Dashboard(
    "learner",
    "whether the loss falls, how fast steps are, and which rank is slow",
    (
        Panel(
            "Loss",
            "of the latest step, in nats per token that the policy wrote",
            (Query(f"avg by (run) ({OF_RUN('learner_loss')})", "{{run}}"),),
            "none",
        ),
        Panel(
            "Gradient norm",
            "of the latest step, before clipping",
            (Query(f"max by (run) ({OF_RUN('learner_grad_norm')})", "{{run}}"),),
            "none",
        ),
        Panel(
            "Learning rate",
            "of the latest step",
            (Query(f"max by (run) ({OF_RUN('learner_learning_rate')})", "{{run}}"),),
            "none",
        ),
        Panel(
            "Tokens per second",
            "that the loss covers, over all ranks",
            (Query(OF_RUN.per_second("learner_tokens", "run"), "{{run}}"),),
            "ops",
        ),
        Panel("Seconds of a step", "over all ranks", OF_RUN.quantiles("learner_step_seconds", 0.5, 0.95), "s"),
        Panel(
            "Seconds of a step by rank",
            "mean; ranks wait for each other, so one that is slow makes all of them so",
            (Query(OF_RUN.mean("learner_step_seconds", "rank"), "rank {{rank}}"),),
            "s",
        ),
        Panel(
            "Steps per second",
            "of rank 0",
            (Query(OF_RUN.per_second("learner_steps", "run", 'rank="0"'), "{{run}}"),),
            "ops",
            width=12,
        ),
        Panel(
            "Skipped steps",
            "whose loss or gradient norm was not finite, per second, by rank",
            (Query(OF_RUN.counted("learner_skipped_steps", "rank"), "rank {{rank}}"),),
            "ops",
            width=12,
        ),
    ),
)
