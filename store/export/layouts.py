"""Layouts: the rows that trainers read, by name. A layout is a line of `LAYOUTS`.

The fields are those that the trainers' own documentation names, as of 2025.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from store.errors import ExportLayoutError
from store.export import pairs, problem_rows, rows
from store.export.rows import MESSAGE, Column, rollout_columns
from store.export.settings import ExportFormat, ExportLayout, ExportSettings, Messages
from store.export.tool_messages import TOOL_MESSAGE, TOOLS
from store.records import Split

type Row = dict[str, Any]

type ReadPage = Callable[[Session, ExportSettings, Split, int, int, Messages, int], tuple[list[Row], int]]
"""Reads what rows are made of: (session, settings, split, after, until, messages, limit) -> (rows, new `after`).

About `limit` of them, from the one that follows `after`; at the end, `after` stays as it is.
"""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a row is: a rollout, a pair of them, or a problem. `refuses` are settings that do not apply to it."""

    noun: str
    plural: str
    count: Callable[[Session, ExportSettings, Split, int], int]
    read_page: ReadPage
    refuses: tuple[str, ...] = ()


ROLLOUTS = Unit("rollout", "rollouts", rows.count_rows, rows.read_page, ("pairs",))
PAIRS = Unit(
    "pair of attempts",
    "pairs of attempts",
    pairs.count_pairs,
    pairs.read_pairs,
    ("purposes", "training_set", "distinct"),
)
PROBLEMS = Unit(
    "problem",
    "problems",
    problem_rows.count_problems,
    problem_rows.read_problems,
    (
        "outcomes",
        "supports",
        "purposes",
        "policy_versions",
        "iterations",
        "training_set",
        "distinct",
        "pairs",
    ),
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Rows as a trainer reads them.

    `columns` names what is taken from what the unit read, in order, and `renames` those of them that it read under
    another name. `usage` says what the trainer has to be told; it is part of the card. Only layouts with
    `takes_heldout` may have held-out problems, to validate with. `masks`: messages say which of their characters are
    to be learned.
    """

    unit: Unit
    columns: Callable[[ExportSettings], tuple[Column, ...]]
    usage: str = ""
    formats: tuple[ExportFormat, ...] = ("jsonl", "parquet", "datasets")
    takes_tools: bool = False
    takes_heldout: bool = False
    masks: bool = False
    renames: Mapping[str, str] = field(default_factory=dict)

    def row(self, found: Row, settings: ExportSettings) -> Row:
        """The row, of what the unit read."""
        found = found | {"tools": TOOLS}
        return {name: found[self.renames.get(name, name)] for name, _, _ in self.columns(settings)}

    def schema(self, settings: ExportSettings) -> pa.Schema:
        """The Arrow schema of the rows."""
        return pa.schema([(name, kind) for name, kind, _ in self.columns(settings)])


_DETAIL = pa.struct([("begin_offset", pa.int64()), ("end_offset", pa.int64()), ("train", pa.bool_())])
_MASKED_MESSAGE = pa.struct([*MESSAGE, ("train_detail", pa.list_(_DETAIL))])
_PROVENANCE: tuple[Column, ...] = (
    ("id", pa.string(), "the rollout's id in the store"),
    ("problem_id", pa.string(), "the problem's id"),
    ("source", pa.string(), "the source of the problem"),
)
_PAIR_PROVENANCE: tuple[Column, ...] = (
    ("problem_id", pa.string(), "the problem's id"),
    ("source", pa.string(), "the source of the problem"),
    ("chosen_id", pa.string(), "the id of the accepted attempt"),
    ("rejected_id", pa.string(), "the id of the rejected attempt"),
    ("rejected_outcome", pa.string(), "why it was rejected: wrong, no_answer, truncated, repetitive or unparsable"),
)
_MESSAGES_MEANING = "system, user and assistant"


def _chat(settings: ExportSettings) -> tuple[Column, ...]:
    if settings.tools:
        calls = f"{_MESSAGES_MEANING}; code is calls of the tool `python`, its output messages of the role tool"
        tools = ("tools", pa.string(), "the tool's description, as JSON")
        return (("messages", pa.list_(TOOL_MESSAGE), calls), tools, *_PROVENANCE)
    return (("messages", pa.list_(MESSAGE), _MESSAGES_MEANING), *_PROVENANCE)


def _masked_chat(_settings: ExportSettings) -> tuple[Column, ...]:
    meaning = f"{_MESSAGES_MEANING}; `train_detail` has the characters that are learned, both ends included"
    return (("messages", pa.list_(_MASKED_MESSAGE), meaning), *_PROVENANCE)


def _pair(settings: ExportSettings) -> tuple[Column, ...]:
    message = TOOL_MESSAGE if settings.tools else MESSAGE
    return (
        ("prompt", pa.list_(message), "system and user"),
        ("chosen", pa.list_(message), "the accepted attempt"),
        ("rejected", pa.list_(message), "a rejected attempt at the same problem"),
        *((("tools", pa.string(), "the tool's description, as JSON"),) if settings.tools else ()),
        *_PAIR_PROVENANCE,
    )


def _ranking(_settings: ExportSettings) -> tuple[Column, ...]:
    return (
        ("messages", pa.list_(MESSAGE), "system and user"),
        ("chosen", MESSAGE, "the accepted attempt"),
        ("rejected", MESSAGE, "a rejected attempt at the same problem"),
        *_PAIR_PROVENANCE,
    )


_LLAMA_FACTORY = "Pass this folder as `dataset_dir` and its name, which `dataset_info.json` lists, as `dataset`."
_AXOLOTL = "Copy `axolotl.yaml` into the configuration."
_FILES: tuple[ExportFormat, ...] = ("jsonl", "parquet")

ROWS = Layout(ROLLOUTS, rollout_columns, takes_heldout=True)
"""The rows of an export without a layout."""

LAYOUTS: Mapping[ExportLayout, Layout] = {
    "trl": Layout(ROLLOUTS, _chat, "`SFTTrainer` reads `messages`.", takes_tools=True),
    "trl-pairs": Layout(PAIRS, _pair, "`DPOTrainer` reads `prompt`, `chosen` and `rejected`.", takes_tools=True),
    "openrlhf": Layout(ROLLOUTS, _chat, "Pass `--input_key messages --apply_chat_template`."),
    "openrlhf-pairs": Layout(
        PAIRS,
        _pair,
        "Pass `--prompt_key prompt --chosen_key chosen --rejected_key rejected --apply_chat_template`.",
    ),
    "axolotl": Layout(ROLLOUTS, _masked_chat, _AXOLOTL, formats=_FILES, masks=True),
    "axolotl-pairs": Layout(PAIRS, _pair, _AXOLOTL, formats=_FILES),
    "llama-factory": Layout(ROLLOUTS, _chat, _LLAMA_FACTORY, formats=_FILES),
    "llama-factory-pairs": Layout(
        PAIRS,
        _ranking,
        _LLAMA_FACTORY,
        formats=_FILES,
        renames={"messages": "prompt", "chosen": "chosen_message", "rejected": "rejected_message"},
    ),
    "verl": Layout(
        PROBLEMS,
        problem_rows.verl_columns,
        "Pass the files as `data.train_files`, those of held-out problems as `data.val_files`, and a reward function "
        "as `custom_reward_function.path`: verl has none for sources that it does not know.",
        formats=("parquet",),
        takes_heldout=True,
    ),
}
"""The layouts by name."""


def layout_of(settings: ExportSettings) -> Layout:
    """The layout that the settings name, else that of rollouts."""
    return ROWS if settings.layout is None else LAYOUTS[settings.layout]


def require_usable(settings: ExportSettings) -> None:
    """Check that the layout goes with the other settings.

    Raises:
        ExportLayoutError: it does not; the message names the setting and what would go.
    """
    layout = layout_of(settings)
    name = f"layout {settings.layout}" if settings.layout else "an export without a layout"
    if settings.format not in layout.formats:
        raise ExportLayoutError(f"{name} is not written as {settings.format}: choose {' or '.join(layout.formats)}")
    if settings.tools and not layout.takes_tools:
        able = [other for other, one in LAYOUTS.items() if one.takes_tools]
        raise ExportLayoutError(f"{name} has no messages of tools: leave out --tools, or choose {' or '.join(able)}")
    if Split.HELDOUT in settings.splits and not layout.takes_heldout:
        raise ExportLayoutError(f"{name} is for training, and held-out problems are not trained on: export split train")
    if settings.token_ids and layout is not ROWS:
        raise ExportLayoutError(f"{name} has no token ids: leave out --token-ids, or the layout")
    defaults = ExportSettings()
    for setting in layout.unit.refuses:
        if getattr(settings, setting) != getattr(defaults, setting):
            raise ExportLayoutError(
                f"{name}: its rows are {layout.unit.plural}, to which the setting {setting!r} does not apply; "
                "leave it out"
            )


def filters(settings: ExportSettings) -> dict[str, Any]:
    """The settings that decide what is exported, by name, without those that have no effect."""
    unit = layout_of(settings).unit
    others = {"layout", "tools", "format", "token_ids", "shard_rows", *unit.refuses}
    if unit is PAIRS and settings.outcomes == ExportSettings().outcomes:
        others.add("outcomes")  # any outcome of the rejected attempts
    values = settings.model_dump(mode="json", exclude=others)
    return {name: value for name, value in values.items() if value not in ([], None, False)}
