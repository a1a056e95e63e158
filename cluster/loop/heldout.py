"""The evaluations on the held-out problems, which every policy is measured with."""

from collections.abc import Iterable, Mapping

from store.runs.figures import Evaluation, Figure

HELDOUT = "heldout"
"""The benchmark whose greedy pass@1 decides on promotion."""

HELDOUT_SAMPLED = f"{HELDOUT}-sampled"
"""The same problems with several attempts each, for pass@k and maj@k."""


def heldout_figures(evaluations: Iterable[Evaluation]) -> dict[int, Mapping[str, Figure]]:
    """By policy version: greedy pass@1 and, if configured, pass@k and maj@k of sampled attempts, by metric."""
    greedy: dict[int, dict[str, Figure]] = {}
    sampled: dict[int, dict[str, Figure]] = {}
    for one in evaluations:
        if one.benchmark == HELDOUT:
            greedy.setdefault(one.policy_version, {})[one.metric] = one.figure
        elif one.benchmark == HELDOUT_SAMPLED and one.metric != "pass@1":
            sampled.setdefault(one.policy_version, {})[one.metric] = one.figure
    return {version: greedy.get(version, {}) | sampled.get(version, {}) for version in greedy.keys() | sampled.keys()}
