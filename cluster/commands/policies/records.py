"""Policies as `automathes policies` prints them: their keys are those of `--json`."""

from collections.abc import Mapping
from typing import Any

from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.heldout import HELDOUT
from cluster.loop.policy_pruning import folder_bytes
from eval.figure_text import interval_of
from store.records import Policy
from store.runs.figures import Figure
from store.settings import PolicyRetentionSettings
from store.store import Store


def read_policies(store: Store, folder: RunFolder, config: RunConfig) -> list[dict[str, Any]]:
    """A record of each policy, by version.

    `bytes` is the size of its folder, None if it is missing. `kept_as` are the reasons for which pruning keeps it, by
    the configured rule or, if there is none, by its defaults.
    """
    scores = _scores(store)
    reasons = store.policies.kept(config.policies or PolicyRetentionSettings(), HELDOUT)
    return [
        _record(policy, folder, scores.get(policy.version), reasons.get(policy.version, []))
        for policy in store.policies.all()
    ]


def read_policy(store: Store, folder: RunFolder, config: RunConfig, version: int) -> dict[str, Any]:
    """The record of one policy in full.

    Raises:
        ConfigError: the run has no such policy.
    """
    policy = require_policy(store, version)
    record = next(one for one in read_policies(store, folder, config) if one["version"] == version)
    return record | {
        "path": policy.path,
        "checksum": policy.checksum,
        "lineage": _lineage(store, version),
        "training_set": _training_set(store, policy),
        "lag_tokens": store.training_sets.lag_tokens(version),
        "metrics": dict(policy.metrics),
        "figures": [
            {"benchmark": one.benchmark, "metric": one.metric, "value": one.figure.value, "problems": one.figure.n}
            for one in store.evaluations.figures()
            if one.policy_version == version
        ],
        "assessment": policy.assessment,
        "promotions": [
            {"promoted_at": one.promoted_at, "reason": one.reason}
            for one in store.policies.promotions()
            if one.version == version
        ],
    }


def require_policy(store: Store, version: int) -> Policy:
    """The policy of a version. Raises `ConfigError` if the run has none."""
    known = {policy.version: policy for policy in store.policies.all()}
    if version not in known:
        listed = ", ".join(f"v{one}" for one in known) or "none yet"
        raise ConfigError(f"the run has no policy {version}; it has {listed}")
    return known[version]


def _record(policy: Policy, folder: RunFolder, score: Figure | None, reasons: list[str]) -> dict[str, Any]:
    path = None if policy.is_pruned else folder.find_policy(policy)
    low, high = (score and interval_of(score)) or (None, None)
    return {
        "version": policy.version,
        "parent": policy.parent,
        "iteration": policy.iteration,
        "origin": policy.origin,
        "pass@1": score.value if score else None,
        "low": low,
        "high": high,
        "problems": score.n if score else None,
        "decision": policy.decision.value if policy.decision else None,
        "served": policy.promoted,
        "pruned": policy.is_pruned,
        "bytes": folder_bytes(path) if path else None,
        "kept_as": [] if policy.is_pruned else reasons,
    }


def _scores(store: Store) -> Mapping[int, Figure]:
    """The latest greedy pass@1 of each policy: an evaluation on more problems comes after the one that it extends."""
    return {
        one.policy_version: one.figure
        for one in store.evaluations.figures()
        if (one.benchmark, one.metric) == (HELDOUT, "pass@1")
    }


def _lineage(store: Store, version: int) -> list[int]:
    """The policy and its ancestors, down to the base."""
    parents = {policy.version: policy.parent for policy in store.policies.all()}
    lineage = [version]
    while (parent := parents[lineage[-1]]) is not None:
        lineage.append(parent)
    return lineage


def _training_set(store: Store, policy: Policy) -> dict[str, int] | None:
    number = policy.training_set_id
    return None if number is None else {"id": number, "size": store.training_sets.size(number)}
