"""The names of the metrics that trackers get, and what each of them is."""

import re

METRICS: dict[str, str] = {
    "policy_version": "The version of the policy, the step of all metrics but those of `training/`",
    "iteration": "The iteration that trained it; 0 for the base and the warm start",
    "promoted": "1 if it was promoted, else 0",
    "promoted_version": "The policy that was promoted when the iteration was closed",
    "heldout/<metric>": "A score on the held-out problems, a share from 0 to 1: greedy `pass_at_1`, `pass_at_k`, ...",
    "heldout/<metric>_error": "Its standard error",
    "heldout/<metric>_low": "The lower end of its 95 % interval",
    "heldout/<metric>_high": "The upper end of its 95 % interval",
    "heldout/<metric>_problems": "The problems that it is a mean of",
    "comparison/difference": "pass@1 less that of the policy promoted before, on the problems that both attempted",
    "comparison/error": "Its standard error",
    "comparison/low": "The lower end of its 95 % interval",
    "comparison/high": "The upper end of its 95 % interval",
    "comparison/gained": "Problems that only this policy solved",
    "comparison/lost": "Problems that only the promoted policy solved",
    "rollouts/total": "Training rollouts of the iteration",
    "rollouts/accepted": "Those that were accepted",
    "rollouts/acceptance_rate": "Accepted rollouts per rollout that counts for or against the policy",
    "rollouts/fault_share": "Share of the rollouts that ended in a fault",
    "rollouts/supported_share": "Share of the accepted rollouts whose answer follows from their code",
    "rollouts/blocks": "Code blocks that the rollouts ran",
    "rollouts/outcome/<outcome>": "Rollouts by outcome",
    "rollouts/fault/<kind>": "Rollouts that ended in a fault, by kind",
    "rollouts/retry/<kind>": "Retries that avoided a fault, by kind",
    "rollouts/support/<support>": "Accepted rollouts by whether their answer follows from their code",
    "sampling/tokens_per_s": "Training tokens sampled per second of sampling",
    "sampling/lag_tokens/<lag>": "Tokens in the training set by the lag of their policy, in published policies",
    "seconds/<phase>": "Seconds by phase since the last report: `sample`, `learn`, `publish`, `measure`, `all`",
    "learner/<metric>": "The training as a whole: `loss` [nats per token], `grad_norm`, `learning_rate`, `steps`, ...",
    "training/step": "Steps of all trainings of the run so far, the step of the metrics of `training/`",
    "training/iteration": "The iteration that is trained on",
    "training/loss": "Loss of the step [nats per token], over the share of learner rank 0",
    "training/grad_norm": "Norm of the gradient, over all ranks",
    "training/learning_rate": "Learning rate of the step",
    "training/tokens": "Tokens with loss in the step, over all ranks",
    "training/seconds": "Seconds of the step",
}
"""What each metric is, by its name. A part in angle brackets stands for several."""


def describe(name: str) -> str | None:
    """What a metric is; None if no metric has the name."""
    matching = [pattern for pattern in METRICS if re.fullmatch(_regex(pattern), name)]
    return METRICS[max(matching, key=len)] if matching else None  # `pass_at_1_error` is one of `pass_at_1`


def _regex(pattern: str) -> str:
    return re.sub(r"<\w+>", r"\\w+", pattern)
