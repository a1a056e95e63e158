"""Counts of what a sampler wrote to the store."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from store.records import Outcome, Purpose, Rollout


@dataclass(slots=True)
class RolloutStats:
    """Rollouts that the store acknowledged, by outcome, with their tokens and code blocks.

    `train_*` count training rollouts only. `model_tokens` are those that the policy sampled. `executions` counts code
    blocks by status, `faults` rollouts with the outcome `fault` by kind. `fault_retries` counts, by kind of the fault,
    what was made again since the last stats: most of it ended without a fault; `support` counts the verdicts
    on accepted training rollouts. `rollout_seconds` and `block_seconds` have the wall time of each rollout and block.
    """

    rollouts: int = 0
    train_rollouts: int = 0
    train_accepted: int = 0
    train_tokens: int = 0
    model_tokens: int = 0
    blocks: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    support: Counter[str] = field(default_factory=Counter)
    executions: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    fault_retries: Counter[str] = field(default_factory=Counter)
    rollout_seconds: list[float] = field(default_factory=list)
    block_seconds: list[float] = field(default_factory=list)

    def add(self, rollout: Rollout) -> None:
        """Count a rollout that the store acknowledged."""
        tokens = sum(rollout.model_mask)
        self.rollouts += 1
        self.model_tokens += tokens
        if rollout.purpose is Purpose.TRAIN:
            self.train_rollouts += 1
            self.train_accepted += rollout.outcome is Outcome.ACCEPTED
            self.train_tokens += tokens
            self.support.update([rollout.support.value] if rollout.support else [])
        self.blocks += len(rollout.executions)
        self.outcomes[rollout.outcome.value] += 1
        if rollout.fault is not None:
            self.faults[rollout.fault.value] += 1
        self.executions.update(record.status for record in rollout.executions)
        self.rollout_seconds.append(rollout.seconds)
        self.block_seconds += [record.seconds for record in rollout.executions]

    def to_metrics(self) -> dict[str, Any]:
        """The counts as plain values, to be sent to another process; not the seconds, which grow with the rollouts."""
        return {
            "rollouts": self.rollouts,
            "train_rollouts": self.train_rollouts,
            "train_accepted": self.train_accepted,
            "train_tokens": self.train_tokens,
            "model_tokens": self.model_tokens,
            "blocks": self.blocks,
            "outcomes": dict(self.outcomes),
            "executions": dict(self.executions),
            "faults": dict(self.faults),
            "fault_retries": dict(self.fault_retries),
            "support": dict(self.support),
        }
