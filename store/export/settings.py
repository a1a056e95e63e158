"""The settings and the report of an export. Imports nothing slow."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from store.records import Outcome, Problem, Purpose, Rollout, Split, Support
from store.settings import Settings

Messages = Callable[[Problem, Rollout | None], list[dict[str, Any]]]
"""Makes the conversation of a rollout: [{"role": ..., "content": ...}], or the prompt alone if there is none.

The store does not know solution formats.
"""

ExportFormat = Literal["jsonl", "parquet", "datasets"]

ExportLayout = Literal[
    "trl",
    "trl-pairs",
    "openrlhf",
    "openrlhf-pairs",
    "axolotl",
    "axolotl-pairs",
    "llama-factory",
    "llama-factory-pairs",
    "verl",
]
"""The rows that a trainer reads; see `store.export.layouts`."""


class ExportSettings(Settings):
    """Which rollouts are exported, and in which format. An empty filter matches all.

    Rollouts of held-out problems are exported only if `splits` names them. `supports` are verdicts on accepted
    rollouts: rollouts that were not judged match none. `policy_versions` are those of a rollout's
    last span; demonstrations have none. `distinct` exports only the first of each solution to a problem. `token_ids`
    adds the exact tokens, which are useful only with the policy's own tokenizer.

    With a `layout`, rows are what a trainer reads. `tools`: code is calls of a tool, and what it printed are messages
    of their own. `pairs` is how many pairs of a problem are exported at most, in a layout of pairs; `outcomes` are then
    those of the rejected attempts, and `supports` those of the accepted ones.
    """

    layout: ExportLayout | None = None
    tools: bool = False
    pairs: int = Field(default=1, ge=1)
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
