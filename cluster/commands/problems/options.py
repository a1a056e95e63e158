"""The settings of a problem source, from the options of `automathes problems import`."""

import argparse
import json
from pathlib import Path
from typing import Any

from cluster.config.options import checked
from cluster.config.run_config import ConfigError
from store.problems.sources import SUFFIXES
from store.settings import Columns, ProblemSourceSettings

_EXAMPLES = {"--map": "question=problem", "--config": "max_terms=4"}
_OF_ALL = ("heldout_fraction", "split", "skip_labels")
_OF_TABLES = (
    *_OF_ALL,
    "columns",
    "layout",
    "answer_from",
    "bad_rows",
    "multiple_choice",
    "template_twins",
    "derived",
    "limit",
)
_OF_FILES = (*_OF_TABLES, "name")
_OPTIONS = {  # that apply to each kind of source, by the name of the setting
    **dict.fromkeys(dict.fromkeys(SUFFIXES.values()), _OF_FILES),
    "huggingface": (*_OF_TABLES, "config", "dataset_split", "revision"),
    "reasoning_gym": (*_OF_ALL, "size", "seed", "config", "split_by"),
}
_NAMED = (  # settings that have an option of the same name
    "layout", "answer_from", "bad_rows", "multiple_choice", "template_twins", "derived", "limit", "name",
    "dataset_split", "revision", "size", "seed", "split_by", *_OF_ALL,
)  # fmt: skip


def source_settings(arguments: argparse.Namespace) -> ProblemSourceSettings:
    """The settings of the source that the options describe.

    Raises:
        ConfigError: the kind of source is not known, or an option does not apply to it or is out of bounds.
    """
    kind = arguments.kind or _kind_of(Path(arguments.source).expanduser())
    if kind is None:
        raise ConfigError(
            f"{arguments.source}: unknown kind of source: give a file ({', '.join(SUFFIXES)}) or a folder that "
            "exists, or add --from huggingface or --from reasoning_gym"
        )
    place = "dataset" if kind in ("huggingface", "reasoning_gym") else "path"
    given = {name: getattr(arguments, name) for name in _NAMED} | {
        "columns": _pairs("--map", arguments.map) or None,
        "config": _source_config(kind, arguments),
    }
    for name, value in given.items():
        if value is not None and name not in _OPTIONS[kind]:
            option = "map" if name == "columns" else name.replace("_", "-")
            raise ConfigError(f"--{option} does not apply to a source of kind {kind}: omit it")
    return checked(ProblemSourceSettings, {"kind": kind, place: arguments.source} | given)


def _kind_of(path: Path) -> str | None:
    return "huggingface" if path.is_dir() else SUFFIXES.get(path.suffix.lower())


def _source_config(kind: str, arguments: argparse.Namespace) -> Any:
    """--config: a name for Hugging Face, keys and values for reasoning-gym."""
    if kind != "reasoning_gym" or not arguments.config:
        return arguments.config[-1] if arguments.config else None
    return {key: _number_or_text(value) for key, value in _pairs("--config", arguments.config).items()}


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for text, (key, _, value) in zip(texts, pairs, strict=True):
        if not key or not value:
            raise ConfigError(f"{option} {text}: write it as in {option} {_EXAMPLES[option]}")
        if option == "--map" and key not in Columns.model_fields:
            raise ConfigError(f"{option} {text}: {key!r} is not one of {', '.join(Columns.model_fields)}")
    return {key: value for key, _, value in pairs}


def _number_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
