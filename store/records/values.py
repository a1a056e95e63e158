"""Value models, and attempts as they scored them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from store.records.rollouts import Outcome


@dataclass(frozen=True, slots=True)
class ValueModel:
    """A value model, which began as a policy and is trained on a training set of the store.

    `settings` are those of its training. Once it is published, `path` is the folder or URL of its files and `checksum`
    that of their contents. `metrics` are of its training and of its validation.
    """

    version: int
    policy_version: int
    training_set_id: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    path: str | None = None
    checksum: str | None = None


class UnscoredAttempt(NamedTuple):
    """A rollout by its `seq`, with all its token ids, those of the prompt first."""

    seq: int
    ids: tuple[int, ...]


class ScoredAttempt(NamedTuple):
    """An attempt with its score, None without one. `tokens` follow the prompt; `blocks` of code were run."""

    outcome: Outcome
    answer: str | None
    score: float | None
    tokens: int
    blocks: int
