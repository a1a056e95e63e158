"""Runs an export: page by page into the shards of a hidden folder, then the card, then the rename to its final name.

An interrupted export leaves its hidden folder; the same export then continues after the last complete shard.
"""

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from sqlalchemy.orm import Session

from store.errors import ExportTargetError, NothingToExportError
from store.export.card import write_card
from store.export.layouts import filters, layout_of, require_usable
from store.export.progress import ExportProgress, SplitProgress
from store.export.rows import encodable, last_seq
from store.export.settings import ExportReport, ExportSettings, Messages
from store.export.shards import write_shard
from store.export.trainer_files import trainer_files
from store.records import Split

Reading = Callable[[], AbstractContextManager[Session]]
"""Opens a read transaction. Each page has its own, so that none stays open for long."""

OnProgress = Callable[[int, int], None]
"""Called with (rows written, rows in total)."""

Documents = Callable[[Path, ExportSettings, dict[Split, int], Path], dict[str, str]]
"""The texts beside the data, by file name, given the folder with the data, the settings, the rows by split, and where
the folder will be. May write further data into the folder.
"""

_SUFFIXES = {"jsonl": ".jsonl", "parquet": ".parquet", "datasets": ".parquet"}


def export(
    reading: Reading,
    store: str,
    target: Path,
    settings: ExportSettings,
    messages: Messages,
    on_progress: OnProgress,
    documents: Documents | None = None,
) -> ExportReport:
    """Write the rollouts that match the settings to a new folder `target`, all or none.

    Args:
        reading: opens read transactions on the store.
        store: its masked URL; an export is continued only with the same store and settings.
        target: the folder, which must not exist yet.
        settings: which rollouts, and the format.
        messages: makes the conversation of a rollout.
        on_progress: called after each shard.
        documents: makes the files beside the data; by default a card, and what the trainer needs.

    Raises:
        ExportLayoutError: the layout does not go with another setting.
        ExportTargetError: `target` exists, cannot be written, or is being written by another process.
        NothingToExportError: no rollout matches the settings.
    """
    require_usable(settings)
    target = target.expanduser().absolute()
    if target.exists():
        raise ExportTargetError(f"{target} exists already: name another folder, or remove it first")
    with _partial_folder(target) as folder:
        progress = _resume(reading, folder, store, settings)
        resumed = sum(written.rows for written in progress.splits.values())
        _write_splits(reading, folder, progress, messages, on_progress)
        rows = {split: written.rows for split, written in progress.splits.items() if written.rows}
        if not rows:
            raise NothingToExportError(_nothing(settings))
        _finish(folder, progress, rows, target, documents or _card).rename(target)
        shutil.rmtree(folder, ignore_errors=True)  # the rest of a converted export
    return ExportReport(target, {split.value: count for split, count in rows.items()}, resumed)


@contextmanager
def _partial_folder(target: Path) -> Iterator[Path]:
    """The hidden folder beside the target, locked by this process. It stays if the export is interrupted."""
    folder = target.with_name(f".{target.name}.partial")
    lock_file = target.with_name(f".{target.name}.lock")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = lock_file.open("a")
    except OSError as error:
        raise ExportTargetError(f"{target} cannot be written: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ExportTargetError(f"{target} is being written by another process: wait until it ends") from None
        try:
            yield folder
        except NothingToExportError:
            shutil.rmtree(folder)
            raise
        except OSError as error:
            raise ExportTargetError(
                f"{target} cannot be written: {error.strerror}. Complete shards are kept: run the same command again"
            ) from error
        finally:
            lock_file.unlink(missing_ok=True)


def _resume(reading: Reading, folder: Path, store: str, settings: ExportSettings) -> ExportProgress:
    """The progress of an interrupted attempt at the same export, else a fresh start."""
    saved = ExportProgress.read(folder)
    if saved is not None and (saved.settings, saved.store) == (settings, store):
        return saved
    shutil.rmtree(folder)
    (folder / "data").mkdir(parents=True)
    with reading() as session:
        return ExportProgress(settings=settings, store=store, until=last_seq(session))


def _write_splits(
    reading: Reading, folder: Path, progress: ExportProgress, messages: Messages, on_progress: OnProgress
) -> None:
    settings, layout = progress.settings, layout_of(progress.settings)
    with reading() as session:
        total = sum(layout.unit.count(session, settings, split, progress.until) for split in settings.splits)
    suffix, types = _SUFFIXES[settings.format], layout.schema(settings)
    for split in settings.splits:
        written = progress.splits.setdefault(split, SplitProgress())
        while True:
            with reading() as session:
                found, after = layout.unit.read_page(
                    session, settings, split, written.after, progress.until, messages, settings.shard_rows
                )
            if after == written.after:
                break
            rows = [encodable(layout.row(one, settings)) for one in found]
            if rows:  # none if a page of problems has attempts, but no pair of them
                write_shard(folder / "data" / f"{split.value}-{written.shards:05}{suffix}", rows, types)
                written.shards += 1
            written.after, written.rows = after, written.rows + len(rows)
            progress.save(folder)
            on_progress(sum(done.rows for done in progress.splits.values()), total)


def _finish(folder: Path, progress: ExportProgress, rows: dict[Split, int], target: Path, documents: Documents) -> Path:
    """Write the files beside the data, and return the folder to rename: this one, or the converted one inside it."""
    settings = progress.settings
    converted = settings.format == "datasets"
    complete = _to_datasets(folder, list(rows)) if converted else folder
    about = {"rows": rows, "settings": settings.model_dump(mode="json")}
    texts = documents(complete, settings, rows, target) | {"export.json": json.dumps(about, indent=2) + "\n"}
    for name, text in texts.items():
        (complete / name).write_text(text, encoding="utf-8")
    if not converted:
        progress.remove(folder)
    return complete


def _card(_folder: Path, settings: ExportSettings, rows: dict[Split, int], target: Path) -> dict[str, str]:
    return {"README.md": write_card(settings, rows), **trainer_files(settings, target)}


def _to_datasets(folder: Path, splits: list[Split]) -> Path:
    """Convert Parquet shards to the Arrow files that `datasets.load_from_disk` memory-maps; the shards stay."""
    import datasets  # slow to import, and only needed here

    converted, cache = folder / "converted", folder / "cache"
    for leftover in (converted, cache):
        shutil.rmtree(leftover, ignore_errors=True)
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        shards = {split.value: [str(path) for path in sorted(folder.glob(f"data/{split.value}-*"))] for split in splits}
        loaded = {
            name: datasets.Dataset.from_parquet(paths, cache_dir=str(cache / name)) for name, paths in shards.items()
        }
        datasets.DatasetDict(loaded).save_to_disk(str(converted))
    finally:
        if bars:
            datasets.enable_progress_bars()
    return converted


def _nothing(settings: ExportSettings) -> str:
    chosen = ", ".join(f"{name} {value}" for name, value in filters(settings).items())
    return f"no {layout_of(settings).unit.noun} in the store matches the filters: {chosen}"
