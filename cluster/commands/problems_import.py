"""`automathes problems import`: import the problems of a source into a run's store."""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from cluster.config.options import checked
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json
from cluster.console.progress_bar import progress_bar
from cluster.console.tables.problem_tables import print_import, print_labels
from cluster.loop.preparation.label_checks import open_label_checks
from store.problems.sources import import_problems as import_sources
from store.settings import Columns, ProblemSourceSettings

_SUFFIXES = {".jsonl": "jsonl", ".json": "jsonl", ".parquet": "parquet"}
_EXAMPLES = {"--map": "question=problem", "--config": "max_terms=4"}
_OF_TABLES = ("columns", "answer_from", "bad_rows", "template_twins", "limit")
_OPTIONS = {  # that apply to each kind of source, by the name of the setting
    "jsonl": (*_OF_TABLES, "name"),
    "parquet": (*_OF_TABLES, "name"),
    "huggingface": (*_OF_TABLES, "config", "dataset_split", "revision"),
    "reasoning_gym": ("size", "seed", "config", "split_by"),
}


def import_problems(arguments: argparse.Namespace) -> int:
    """Import the problems of a source into a run's store, all or none, and report what was added and excluded.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        ProblemSourceError: the source cannot be read, or has bad rows (listed with number and reason).
        InvalidProblemError: two problems share an id.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    settings = _settings(arguments)
    config = folder.read_config()
    with (
        folder.open_store(config) as store,
        progress_bar("reading problems, checking labels") as on_progress,
        open_label_checks(config.answer_checker, on_progress) as labels,
    ):
        report = import_sources(store.problems, [settings], arguments.source, labels.filter)
        counts = store.problems.counts()
    report = replace(report, unreadable=tuple(labels.unreadable))
    if arguments.json:
        print_json(asdict(report) | {"unchecked": labels.unchecked, "run": str(folder.path), "problems": counts})
    else:
        print_import(report, folder.path.name, counts)
        print_labels(report, labels.unchecked)
    return 0


def _settings(arguments: argparse.Namespace) -> ProblemSourceSettings:
    kind = arguments.kind or _SUFFIXES.get(Path(arguments.source).suffix.lower())
    if kind is None:
        raise ConfigError(
            f"{arguments.source}: unknown kind of source: give a .jsonl or .parquet file, or add --from huggingface or "
            "--from reasoning_gym"
        )
    path_or_id = "path" if kind in ("jsonl", "parquet") else "dataset"
    values: dict[str, Any] = {"kind": kind, path_or_id: arguments.source}
    given = {
        "heldout_fraction": arguments.heldout_fraction,
        "split": arguments.split,
        "columns": _pairs("--map", arguments.map) or None,
        "answer_from": arguments.answer_from,
        "bad_rows": arguments.bad_rows,
        "template_twins": arguments.template_twins,
        "skip_labels": arguments.skip_labels,
        "limit": arguments.limit,
        "name": arguments.name,
        "config": _source_config(kind, arguments),
        "dataset_split": arguments.dataset_split,
        "revision": arguments.revision,
        "size": arguments.size,
        "seed": arguments.seed,
        "split_by": arguments.split_by,
    }
    for name, value in given.items():
        if value is not None and name not in (*_OPTIONS[kind], "heldout_fraction", "split", "skip_labels"):
            option = "map" if name == "columns" else name.replace("_", "-")
            raise ConfigError(f"--{option} does not apply to a source of kind {kind}: omit it")
    return checked(ProblemSourceSettings, values | given)


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
