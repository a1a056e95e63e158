"""`automathes problems import`: brings the problems of a source into a run's store."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.config.options import checked
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.progress_bar import OnProgress, progress_bar
from cluster.console.tables import printable
from store.problems.sources import read_problems
from store.records import ImportReport, Problem
from store.settings import Columns, ProblemSourceSettings

_SHOW_EVERY = 200
_SUFFIXES = {".jsonl": "jsonl", ".json": "jsonl", ".parquet": "parquet"}
_SHOWN_SKIPPED = 5
_EXAMPLES = {"--map": "question=problem", "--config": "max_terms=4"}
_OPTIONS = {  # of each kind of source, by the name of its setting
    "jsonl": ("columns", "answer_from", "bad_rows", "limit", "name"),
    "parquet": ("columns", "answer_from", "bad_rows", "limit", "name"),
    "huggingface": ("columns", "answer_from", "bad_rows", "limit", "config", "dataset_split", "revision"),
    "reasoning_gym": ("size", "seed", "config", "split_by"),
}


def import_problems(arguments: argparse.Namespace) -> int:
    """Imports the problems of a source into a run's store, all or none, and says what became of them.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        ProblemSourceError: the source cannot be read, or has bad rows (each by its number and reason).
        InvalidProblemError: two problems share an id.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    settings = _settings(arguments)
    skipped: list[str] = []
    with folder.open_store(folder.read_config()) as store, progress_bar("reading problems") as on_progress:
        report = store.problems.import_new(_counted(read_problems(settings, skipped.append), on_progress), arguments.source)
        counts = store.problems.counts()
    if arguments.json:
        numbers = asdict(report) | {"skipped": skipped, "run": str(folder.path), "problems": counts}
        print(json.dumps(numbers))  # noqa: T201
    else:
        _say_imported(report, skipped, folder.path.name, counts)
    return 0


def _settings(arguments: argparse.Namespace) -> ProblemSourceSettings:
    kind = arguments.kind or _SUFFIXES.get(Path(arguments.source).suffix.lower())
    if kind is None:
        raise ConfigError(
            f"{arguments.source}: what is it? Name a .jsonl or .parquet file, or add --from huggingface or "
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
        "limit": arguments.limit,
        "name": arguments.name,
        "config": _source_config(kind, arguments),
        "dataset_split": arguments.dataset_split,
        "revision": arguments.revision,
        "size": arguments.size,
        "seed": arguments.seed,
    }
    for name, value in given.items():
        if value is not None and name not in (*_OPTIONS[kind], "heldout_fraction", "split"):
            option = "map" if name == "columns" else name.replace("_", "-")
            raise ConfigError(f"--{option} means nothing for a source of kind {kind}: leave it out")
    return checked(ProblemSourceSettings, values | given)


def _source_config(kind: str, arguments: argparse.Namespace) -> Any:
    """A name for Hugging Face, keys and values for reasoning-gym."""
    if kind != "reasoning_gym" or not arguments.config:
        return arguments.config[-1] if arguments.config else None
    return {key: _number_or_text(value) for key, value in _pairs("--config", arguments.config).items()}


def _pairs(option: str, texts: list[str]) -> dict[str, str]:
    pairs = [text.partition("=") for text in texts]
    for text, (key, _, value) in zip(texts, pairs, strict=True):
        if not key or not value:
            raise ConfigError(f"{option} {text}: write it as in {option} {_EXAMPLES[option]}")
        if option == "--map" and key not in Columns.model_fields:
            raise ConfigError(f"{option} {text}: {key!r} is none of {', '.join(Columns.model_fields)}")
    return {key: value for key, _, value in pairs}


def _number_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _counted(problems: Iterator[Problem], on_progress: OnProgress) -> Iterator[Problem]:
    for number, problem in enumerate(problems, start=1):
        if number % _SHOW_EVERY == 0:
            on_progress(number, None)
        yield problem


def _say_imported(report: ImportReport, skipped: list[str], run: str, counts: dict[str, int]) -> None:
    known = f"; {report.known} were there already" if report.known else ""
    print(  # noqa: T201
        f"{report.added} problems imported into run {run}: {report.train} to train on, {report.heldout} held out"
        f"{known}. It has {counts['train']} and {counts['heldout']} now"
    )
    if report.left_out:
        print(  # noqa: T201
            f"{report.left_out} left out, because they equal or nearly equal a held-out problem: "
            "`automathes problems list --left-out`"
        )
    if report.withdrawn:
        learned = f" From {report.learned} of them a policy has learned already." if report.learned else ""
        print(  # noqa: T201
            f"{report.withdrawn} that were there to train on are trained on no more: a new held-out problem equals or "
            f"nearly equals each of them.{learned}"
        )
    if skipped:
        print(f"{len(skipped)} bad rows skipped:")  # noqa: T201
    for row in skipped[:_SHOWN_SKIPPED]:
        print(f"  {printable(row)}")  # noqa: T201
    if len(skipped) > _SHOWN_SKIPPED:
        print(f"  and {len(skipped) - _SHOWN_SKIPPED} more: --json lists them all")  # noqa: T201
