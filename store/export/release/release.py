"""Runs a release: the export of accepted training rollouts as Parquet, and what belongs to a published data set.

The checks read the shards that were written, so that they say what is in them. An interrupted release continues as an
export does.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet
from sqlalchemy import select

from store.database.bulk import BATCH
from store.database.tables import ProblemRow
from store.errors import ExportLayoutError
from store.export.folder import OnProgress, Reading, export
from store.export.release.card import write_release_card
from store.export.release.contamination import compare
from store.export.release.licences import check_licences, licences_of
from store.export.release.statistics import measure
from store.export.settings import ExportReport, ExportSettings, Messages
from store.records import Policy, Split

_HELDOUT = pa.schema([(name, pa.string()) for name in ("id", "question", "source", "subject", "level")])


def release(
    reading: Reading,
    store: str,
    target: Path,
    settings: ExportSettings,
    messages: Messages,
    licences: Mapping[str, str],
    policies: Sequence[Policy],
    on_progress: OnProgress,
) -> ExportReport:
    """Write a release to a new folder `target`, all or nothing.

    Args:
        reading: opens read transactions on the store.
        store: its masked URL.
        target: the folder, which must not exist yet.
        settings: which rollouts; as Parquet, without a layout, of training problems only.
        messages: makes the conversation of a rollout.
        licences: the licence by source, for those that the user named.
        policies: the policies of the run, for the provenance.
        on_progress: called after each shard.

    Raises:
        ExportLayoutError: a setting does not go with a release, or a licence has no form or no source.
        ExportTargetError: `target` exists, cannot be written, or is being written by another process.
        NothingToExportError: no rollout matches the settings.
    """
    _require_releasable(settings)
    with reading() as session:
        sources = session.scalars(select(ProblemRow.source).where(ProblemRow.split == Split.TRAIN).distinct()).all()
    check_licences(licences, sources)

    def documents(folder: Path, settings: ExportSettings, _rows: Any, _target: Path) -> dict[str, str]:
        return _documents(reading, folder, settings, licences, policies)

    return export(reading, store, target, settings, messages, on_progress, documents)


def _require_releasable(settings: ExportSettings) -> None:
    if settings.layout is not None:
        raise ExportLayoutError(f"a release has all fields of its rollouts: leave out layout {settings.layout}")
    if settings.format != "parquet":
        raise ExportLayoutError(f"a release is written as parquet, not as {settings.format}")
    if settings.splits != (Split.TRAIN,):
        raise ExportLayoutError("a release has solutions to training problems only: export split train")


def _documents(
    reading: Reading, folder: Path, settings: ExportSettings, named: Mapping[str, str], policies: Sequence[Policy]
) -> dict[str, str]:
    statistics = measure(folder)
    licences = licences_of(statistics.sources, named)
    contamination = compare(reading, folder)
    if contamination.heldout:
        _write_heldout_questions(reading, folder)
    return {
        "README.md": write_release_card(settings, statistics, contamination, licences, policies),
        "statistics.json": _json(statistics.to_json()),
        "contamination.json": _json(contamination.to_json()),
        "licences.json": _json(licences),
    }


def _write_heldout_questions(reading: Reading, folder: Path) -> None:
    """Write the held-out questions, so that others can leave them out; without answers, since these must not spread."""
    columns = ProblemRow.id, ProblemRow.question, ProblemRow.source, ProblemRow.subject, ProblemRow.level
    query = select(*columns).where(ProblemRow.split == Split.HELDOUT).order_by(ProblemRow.shuffle_key, ProblemRow.id)
    (folder / "heldout").mkdir(exist_ok=True)
    file = folder / "heldout/questions.parquet"
    with reading() as session, parquet.ParquetWriter(file, _HELDOUT, compression="zstd") as writer:
        for rows in session.execute(query.execution_options(yield_per=BATCH)).partitions(BATCH):
            writer.write_table(pa.Table.from_pylist([dict(row._mapping) for row in rows], schema=_HELDOUT))


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
