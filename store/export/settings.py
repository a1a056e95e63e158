"""The settings and the report of an export. Imports nothing slow."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from store.records import Outcome, Problem, Purpose, Rollout, Split, Support
from store.settings import Settings

Messages = Callable[[Problem, Rollout], list[dict[str, str]]]
"""Makes the conversation of a rollout: [{"role": ..., "content": ...}]. The store does not know solution formats."""

ExportFormat = Literal["jsonl", "parquet", "datasets"]


class ExportSettings(Settings):
    """Which rollouts are exported, and in which format. An empty filter matches all.

    Rollouts of held-out problems are exported only if `splits` names them. `supports` are verdicts on accepted
    rollouts: rollouts that were not judged match none. `policy_versions` are those of a rollout's
    last span; demonstrations have none. `distinct` exports only the first of each solution to a problem. `token_ids`
    adds the exact tokens, which are useful only with the policy's own tokenizer.
    """

    format: ExportFormat = "jsonl"
    splits: tuple[Split, ...] = (Split.TRAIN,)
    outcomes: tuple[Outcome, ...] = (Outcome.ACCEPTED,)
    supports: tuple[Support, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    policy_versions: tuple[int, ...] = ()
    iterations: tuple[int, ...] = ()
    training_set: int | None = None
    distinct: bool = False
    token_ids: bool = False
    shard_rows: int = Field(default=5_000, ge=1)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """The number of exported rows by split. `resumed` counts those that an interrupted attempt had written before."""

    path: Path
    rows: dict[str, int]
    resumed: int
