"""What an export is given, and what it says of itself. Imports nothing that is slow."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from store.records import Outcome, Problem, Purpose, Rollout, Split
from store.settings import Settings

Messages = Callable[[Problem, Rollout], list[dict[str, str]]]
"""The conversation of a rollout: [{"role": ..., "content": ...}]. The store does not know how formats are written."""

ExportFormat = Literal["jsonl", "parquet", "datasets"]


class ExportSettings(Settings):
    """Which rollouts are exported, and in which form. An empty choice takes all.

    Held-out problems are left out unless `splits` names them. `policy_versions` are those of a rollout's last span;
    demonstrations have none. `distinct` takes the first of each solution to a problem alone. `token_ids` adds the
    exact tokens, which are of use with the policy's own tokenizer.
    """

    format: ExportFormat = "jsonl"
    splits: tuple[Split, ...] = (Split.TRAIN,)
    outcomes: tuple[Outcome, ...] = (Outcome.ACCEPTED,)
    purposes: tuple[Purpose, ...] = ()
    policy_versions: tuple[int, ...] = ()
    iterations: tuple[int, ...] = ()
    training_set: int | None = None
    distinct: bool = False
    token_ids: bool = False
    shard_rows: int = Field(default=5_000, ge=1)


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was exported: rows by split. `resumed`: rows that an earlier attempt had written already."""

    path: Path
    rows: dict[str, int]
    resumed: int
