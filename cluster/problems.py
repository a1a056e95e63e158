"""`automathes problems`: imports a file into a run's store, and lists what is there."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from cluster.config import ConfigError
from cluster.run_folder import RunFolder, find_run_folder
from store.records import Problem, Split
from store.settings import Columns, JsonlSettings
from store.sources import read_problems
from store.store import Store

_SHOW_EVERY = 200


def import_jsonl(arguments: argparse.Namespace) -> str:
    """Imports the problems of a JSONL file into a run's store, all or none; returns a line on what was done.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        ProblemSourceError: the file cannot be read, or has bad lines (each by its number and reason).
        InvalidProblemError: two problems share an id.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    settings = _settings(arguments)
    with _open(folder) as store:
        before = store.problem_counts()
        read = _Counted(read_problems(settings))
        added = store.add_problems(read)
        after = store.problem_counts()
    train, heldout = (after[split.value] - before[split.value] for split in (Split.TRAIN, Split.HELDOUT))
    known = f"; {read.count - added} were there already" if read.count > added else ""
    return (
        f"{added} problems imported into run {folder.path.name}: {train} to train on, {heldout} held out{known}. "
        f"It has {after['train']} and {after['heldout']} now"
    )


def list_problems(runs: Path, run: Path | None, split: str | None, limit: int, *, as_json: bool) -> None:
    """Prints up to `limit` problems of a run, as a table or as one JSON object a line.

    Raises:
        ConfigError: there is no such run.
    """
    with _open(find_run_folder(runs, run)) as store:
        listed = store.problems(Split(split) if split else None, limit)
        if as_json:
            for problem in listed:
                print(json.dumps(asdict(problem)))  # noqa: T201
            return
        _print_table(list(listed), store.problem_counts(), split)


def _settings(arguments: argparse.Namespace) -> JsonlSettings:
    try:
        return JsonlSettings(
            path=str(arguments.file),
            columns=Columns(question=arguments.question, answer=arguments.answer),
            answer_from=arguments.answer_from,
            heldout_fraction=arguments.heldout_fraction,
            split=Split(arguments.split) if arguments.split else None,
        )
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + "-".join(str(part) for part in first["loc"]).replace("_", "-")
        raise ConfigError(f"{option} {first['input']}: {first['msg'].lower()}") from None


def _open(folder: RunFolder) -> Store:
    return Store.open(folder.store_url(folder.read_config()), create=False)


class _Counted:
    """Passes problems on, counts them and shows how many there were, on the error output of a terminal alone."""

    def __init__(self, problems: Iterator[Problem]) -> None:
        self._problems = problems
        self.count = 0

    def __iter__(self) -> Iterator[Problem]:
        columns = SpinnerColumn(), TextColumn("importing {task.completed:,.0f} problems"), TimeElapsedColumn()
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
            task = bars.add_task("", total=None)
            for problem in self._problems:
                self.count += 1
                if self.count % _SHOW_EVERY == 0:
                    bars.update(task, completed=self.count)
                yield problem


def _print_table(problems: list[Problem], counts: dict[str, int], split: str | None) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("id", no_wrap=True)
    table.add_column("split", no_wrap=True)
    table.add_column("question", ratio=1)
    table.add_column("answer", max_width=24, no_wrap=True, overflow="ellipsis")
    for problem in problems:
        cells = (problem.id, problem.split.value, problem.question, problem.answer)
        table.add_row(*(Text(_printable(cell)) for cell in cells))
    console = Console()
    console.print(table)
    total = counts[split] if split else sum(counts.values())
    console.print(Text(f"{len(problems)} of {total:,} problems", style="dim"))


def _printable(text: str) -> str:
    """On one line and without control characters, which could move the cursor or worse."""
    return "".join(character if character.isprintable() else " " for character in " ".join(text.split()))
