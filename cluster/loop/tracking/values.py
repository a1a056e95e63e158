"""The values of the metrics in `names.py`, from what the store has of a policy and the learner reports of a step."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

from eval.figure_text import error_of
from learner.progress import StepFigures
from store.records import Decision, Policy
from store.runs.figures import Figure

_COUNTS = {
    "outcomes": "rollouts/outcome",
    "faults": "rollouts/fault",
    "fault_retries": "rollouts/retry",
    "support": "rollouts/support",
    "lag_tokens": "sampling/lag_tokens",
    "seconds": "seconds",
}
_SCALARS = {
    "promoted_version": "promoted_version",
    "rollouts": "rollouts/total",
    "accepted": "rollouts/accepted",
    "acceptance_rate": "rollouts/acceptance_rate",
    "fault_share": "rollouts/fault_share",
    "supported_share": "rollouts/supported_share",
    "blocks": "rollouts/blocks",
    "tokens_per_s": "sampling/tokens_per_s",
}


def policy_values(
    policy: Policy, figures: Mapping[str, Any] | None, measured: Mapping[str, Figure]
) -> dict[str, float]:
    """The metrics of a policy that is decided on.

    Args:
        policy: its `metrics` are those of its training.
        figures: of the iteration that trained it, as they were stored; None for the base and the warm start.
        measured: its scores by metric.
    """
    values: dict[str, Any] = {
        "policy_version": policy.version,
        "iteration": policy.iteration or 0,
        "promoted": float(policy.decision is Decision.PROMOTED),
    }
    values |= {f"learner/{name}": value for name, value in policy.metrics.items()}
    values |= _of_iteration(figures or {})
    for metric, figure in measured.items():
        values |= _of_figure(f"heldout/{metric}", figure)
    values |= _of_comparison((policy.assessment or {}).get("comparison") or {})
    return dict(_finite(values))


def step_values(step: int, iteration: int, values: StepFigures) -> dict[str, float]:
    """The metrics of a training's step, the `step`-th of the run."""
    found = {
        "training/step": step,
        "training/iteration": iteration,
        "training/loss": values.loss,
        "training/grad_norm": values.grad_norm,
        "training/learning_rate": values.learning_rate,
        "training/tokens": values.loss_tokens,
        "training/seconds": values.seconds,
    }
    return dict(_finite(found))


def _of_iteration(figures: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: figures.get(key) for key, name in _SCALARS.items()}
    for key, name in _COUNTS.items():
        values |= {f"{name}/{kind}": count for kind, count in (figures.get(key) or {}).items()}
    return values


def _of_figure(name: str, figure: Figure) -> dict[str, Any]:
    parts = {"error": error_of(figure), "low": figure.low, "high": figure.high, "problems": figure.n}
    return {name: figure.value, **{f"{name}_{part}": value for part, value in parts.items()}}


def _of_comparison(comparison: Mapping[str, Any]) -> dict[str, Any]:
    keys = {"difference": "difference", "standard_error": "error", "low": "low", "high": "high"}
    keys |= {"gained": "gained", "lost": "lost"}
    return {f"comparison/{name}": comparison.get(key) for key, name in keys.items()}


def _finite(values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Finite numbers, under names that every tracker accepts: MLflow's have no @."""
    for name, value in values.items():
        if isinstance(value, int | float) and math.isfinite(value):
            yield name.replace("@", "_at_"), float(value)
