"""The registry of problem sources, and importing from several at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

from store.problems.problems import Problems
from store.problems.sources.formats.columnar import read_arrow, read_parquet
from store.problems.sources.formats.csv_table import read_csv
from store.problems.sources.formats.huggingface import describe, read_huggingface
from store.problems.sources.formats.json_lines import read_json_lines
from store.problems.sources.formats.json_list import read_json
from store.problems.sources.notes import LoggedNotes, Notes
from store.problems.sources.reasoning_gym import generate_problems
from store.problems.sources.rows.fields import Row
from store.problems.sources.rows.parsing import problems_from_rows, source_name
from store.records import ImportPreview, ImportReport, Problem
from store.settings import FileSettings, HuggingFaceSettings, ProblemSourceSettings

type Source = Callable[[Any, Notes], Iterator[Problem]]
"""From the settings of a source to its problems."""


def _file_of(read: Callable[[Path], Iterator[Row]]) -> Source:
    """The source that is a file of rows."""

    def read_file(settings: FileSettings, notes: Notes) -> Iterator[Problem]:
        path = Path(settings.path).expanduser()
        rows = islice(read(path), settings.limit)
        return problems_from_rows(rows, settings, settings.name or source_name(path), str(path), notes)

    return read_file


def _read_data_set(settings: HuggingFaceSettings, notes: Notes) -> Iterator[Problem]:
    rows = islice(read_huggingface(settings), settings.limit)
    return problems_from_rows(rows, settings, settings.dataset, describe(settings), notes)


FILES: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    "jsonl": read_json_lines,
    "json": read_json,
    "csv": read_csv,
    "parquet": read_parquet,
    "arrow": read_arrow,
}
"""What reads the rows of a file, by the kind of source."""

SUFFIXES: Mapping[str, str] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
}
"""The kind of source by the suffix of a file."""

SOURCES: Mapping[str, Source] = {
    "reasoning_gym": generate_problems,
    **{kind: _file_of(read) for kind, read in FILES.items()},
    "huggingface": _read_data_set,
}


def read_problems(source: ProblemSourceSettings, notes: Notes | None = None) -> Iterator[Problem]:
    """Stream the problems of one source; `notes` take what else is found, which is logged by default.

    Raises:
        ProblemSourceError: the source cannot be read, or has bad rows and the settings do not skip them.
    """
    return SOURCES[source.kind](source, notes or LoggedNotes())


type Filter = Callable[[ProblemSourceSettings, Iterator[Problem]], Iterator[Problem]]
"""From the problems of a source to those that are imported."""


def import_problems(
    problems: Problems, sources: Sequence[ProblemSourceSettings], name: str = "", keep: Filter | None = None
) -> ImportReport:
    """Add the new problems of all sources that `keep` lets pass, or none if one of the sources is bad.

    Held-out problems are imported first: a problem that is both in a test set and in a training set is held out.

    Raises:
        ProblemSourceError: a source cannot be read, or has bad rows and the settings do not skip them.
        InvalidProblemError: two problems share an id.
    """
    notes = Notes()
    return _with_notes(problems.import_new(_read_all(sources, notes, keep), name), notes)


def preview_problems(
    problems: Problems, sources: Sequence[ProblemSourceSettings], keep: Filter | None = None
) -> ImportPreview:
    """What `import_problems` would do, and the first problems as they would be stored. Nothing is written.

    Raises:
        ProblemSourceError: a source cannot be read, or has bad rows and the settings do not skip them.
        InvalidProblemError: two problems share an id.
    """
    notes = Notes()
    preview = problems.preview(_read_all(sources, notes, keep))
    return replace(preview, report=_with_notes(preview.report, notes))


def _read_all(sources: Sequence[ProblemSourceSettings], notes: Notes, keep: Filter | None) -> Iterator[Problem]:
    read = ((source, read_problems(source, notes)) for source in sources)
    return chain.from_iterable(keep(source, found) if keep else found for source, found in read)


def _with_notes(report: ImportReport, notes: Notes) -> ImportReport:
    return replace(
        report,
        skipped=tuple(row.text for row in notes.skipped),
        no_answers=tuple(row.text for row in notes.skipped if row.no_answer),
        reasons=notes.reasons,
        layouts=tuple(notes.layouts),
        multiple_choice=notes.multiple_choice,
    )
