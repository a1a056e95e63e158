"""`automathes problems import`: import the problems of a source into the store of a run, or of none yet."""

import argparse
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cluster.commands.problems.options import source_settings
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import LATEST, find_run_folder
from cluster.console.output import print_json, print_line
from cluster.console.progress_bar import progress_bar
from cluster.console.tables.columns import printable
from cluster.console.tables.import_tables import print_import, print_labels, print_next_step, print_preview
from cluster.loop.preparation.label_checks import open_label_checks
from eval.benchmarks.overlap import watch_overlap
from sandbox.settings import AnswerCheckerSettings
from store.database.urls import masked, parse_url, sqlite_file
from store.errors import StoreMissingError
from store.problems.sources import import_problems as import_sources
from store.problems.sources import preview_problems
from store.records import PreviewedProblem, Problem
from store.settings import ProblemSourceSettings
from store.store import Store


def import_problems(arguments: argparse.Namespace) -> int:
    """Import the problems of a source, all or none, and report what was added and excluded and why.

    `--dry-run` reports the same without writing, with the first problems as they would be stored.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        ProblemSourceError: the source cannot be read, or has bad rows (listed with number and reason).
        InvalidProblemError: two problems share an id.
    """
    target, settings = _target(arguments), source_settings(arguments)
    with (
        _open(target, dry_run=arguments.dry_run) as store,
        progress_bar("reading problems, checking labels") as on_progress,
        open_label_checks(target.answer_checker, on_progress) as labels,
        watch_overlap(target.runs or arguments.runs) as overlap,
    ):

        def keep(source: ProblemSourceSettings, problems: Iterator[Problem]) -> Iterator[Problem]:
            return overlap.watch(labels.filter(source, problems))

        if arguments.dry_run:
            preview = preview_problems(store.problems, [settings], keep)
            report, first = preview.report, preview.first
        else:
            report, first = import_sources(store.problems, [settings], arguments.source, keep), ()
        counts = store.problems.counts()
    report = replace(report, unreadable=tuple(labels.unreadable))
    if arguments.json:
        found = {"unchecked": labels.unchecked, "problems": counts, "first": list(map(_record, first))}
        found["benchmarks"] = overlap.record()
        print_json(asdict(report) | found | target.record() | {"dry_run": arguments.dry_run})
        return 0
    print_preview(first)
    print_import(report, target.description, counts, dry_run=arguments.dry_run)
    print_labels(report, labels.unchecked)
    if (note := overlap.note()) is not None:
        print_line(f"warning: {printable(note)}")
    if not target.is_run and not arguments.dry_run:
        print_next_step(target.masked_url)
    return 0


def _record(one: PreviewedProblem) -> dict[str, Any]:
    return asdict(one.problem) | {"split": one.split, "known": one.known}


@dataclass(frozen=True, slots=True)
class _Target:
    """The store that is imported into: that of the run in `folder`, or of none yet."""

    url: str
    answer_checker: AnswerCheckerSettings
    folder: Path | None = None

    @property
    def is_run(self) -> bool:
        return self.folder is not None

    @property
    def runs(self) -> Path | None:
        """The folder of the run and others, beside which benchmarks are; None without a run."""
        return None if self.folder is None else self.folder.parent

    @property
    def masked_url(self) -> str:
        return masked(parse_url(self.url))

    @property
    def description(self) -> str:
        return f"run {self.folder.name}" if self.folder is not None else f"store {self.masked_url}"

    def record(self) -> dict[str, str]:
        return {"run": str(self.folder)} if self.is_run else {"store": self.masked_url}


def _target(arguments: argparse.Namespace) -> _Target:
    if arguments.store is not None:
        if arguments.run is not None:
            raise ConfigError("--store names a store and --run the one of a run: omit one of them")
        return _Target(arguments.store, AnswerCheckerSettings())
    if arguments.run is None and not (arguments.runs / LATEST).is_dir():
        raise ConfigError(
            f"there is no run in {arguments.runs}/ yet: name a store to import into, which a run can be started with "
            "(--store sqlite:///problems.db), or the folder of a run (--run FOLDER)"
        )
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    return _Target(folder.store_url(config), config.answer_checker, folder.path)


@contextmanager
def _open(target: _Target, *, dry_run: bool) -> Iterator[Store]:
    """The store, which is created unless it is a run's; for a dry run of one to create, an empty one for the time."""
    try:
        store = Store.open(target.url, create=not target.is_run and not dry_run)
    except StoreMissingError:
        file = sqlite_file(target.url)
        if target.is_run or not dry_run or (file is not None and not file.parent.is_dir()):
            raise
        with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/store.db") as store:
            yield store
        return
    with store:
        yield store
