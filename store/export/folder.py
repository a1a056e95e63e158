"""An export from beginning to end: page by page into shards aside, then a card, then the folder's own name.

An export that was cut off leaves its hidden folder; the same export again goes on behind the last whole shard.
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
from store.export.progress import ExportProgress, Written
from store.export.rows import count_rows, last_seq, read_page, schema
from store.export.settings import ExportReport, ExportSettings, Messages
from store.export.shards import write_shard
from store.records import Split

Reading = Callable[[], AbstractContextManager[Session]]
"""Opens a reading transaction; one a page, so that none is long."""

OnProgress = Callable[[int, int], None]
"""Called with (rows written, rows in all)."""

_SUFFIXES = {"jsonl": ".jsonl", "parquet": ".parquet", "datasets": ".parquet"}


def export(
    reading: Reading, store: str, target: Path, settings: ExportSettings, messages: Messages, on_progress: OnProgress
) -> ExportReport:
    """Writes the rollouts that meet the settings to a new folder `target`, or none.

    Args:
        reading: opens transactions on the store.
        store: its URL as it may be shown; an export goes on only with what it began with.
        target: does not exist yet.
        settings: which rollouts, and the form.
        messages: makes the conversation of a rollout.
        on_progress: called after each shard.

    Raises:
        ExportTargetError: `target` exists, cannot be written, or is being written by another process.
        NothingToExportError: no rollout meets the settings.
    """
    target = target.expanduser().absolute()
    if target.exists():
        raise ExportTargetError(f"{target} exists already: name another folder, or remove it first")
    with _aside(target) as folder:
        progress = _begun(reading, folder, store, settings)
        resumed = sum(written.rows for written in progress.splits.values())
        _write_splits(reading, folder, progress, messages, on_progress)
        rows = {split: written.rows for split, written in progress.splits.items() if written.rows}
        if not rows:
            raise NothingToExportError(f"no rollout in the store meets the choice: {_said(settings)}")
        _finish(folder, progress, rows).rename(target)
        shutil.rmtree(folder, ignore_errors=True)  # what a converted export leaves
    return ExportReport(target, {split.value: count for split, count in rows.items()}, resumed)


@contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """The hidden folder beside the target, held by this process; it stays if the export is cut off."""
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
            raise ExportTargetError(f"{target} is being written by another process: wait for it to end") from None
        try:
            yield folder
        except NothingToExportError:
            shutil.rmtree(folder)
            raise
        except OSError as error:
            raise ExportTargetError(
                f"{target} cannot be written: {error.strerror}. What was written is kept: the same command goes on"
            ) from error
        finally:
            lock_file.unlink(missing_ok=True)


def _begun(reading: Reading, folder: Path, store: str, settings: ExportSettings) -> ExportProgress:
    """What an earlier attempt at the same export left, else a fresh start."""
    found = ExportProgress.read(folder)
    if found is not None and (found.settings, found.store) == (settings, store):
        return found
    shutil.rmtree(folder)
    (folder / "data").mkdir(parents=True)
    with reading() as session:
        return ExportProgress(settings=settings, store=store, until=last_seq(session))


def _write_splits(
    reading: Reading, folder: Path, progress: ExportProgress, messages: Messages, on_progress: OnProgress
) -> None:
    settings = progress.settings
    with reading() as session:
        total = sum(count_rows(session, settings, split, progress.until) for split in settings.splits)
    suffix, types = _SUFFIXES[settings.format], schema(settings)
    for split in settings.splits:
        written = progress.splits.setdefault(split, Written())
        while True:
            with reading() as session:
                rows, after = read_page(
                    session, settings, split, written.after, progress.until, messages, settings.shard_rows
                )
            if not rows:
                break
            write_shard(folder / "data" / f"{split.value}-{written.shards:05}{suffix}", rows, types)
            written.after, written.shards, written.rows = after, written.shards + 1, written.rows + len(rows)
            progress.save(folder)
            on_progress(sum(some.rows for some in progress.splits.values()), total)


def _finish(folder: Path, progress: ExportProgress, rows: dict[Split, int]) -> Path:
    """The folder that is complete but for its name: this one, or a converted one in it."""
    settings = progress.settings
    converted = settings.format == "datasets"
    whole = _to_datasets(folder, list(rows)) if converted else folder
    (whole / "README.md").write_text(write_card(settings, rows), encoding="utf-8")
    about = {"rows": rows, "settings": settings.model_dump(mode="json")}
    (whole / "export.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    if not converted:
        progress.remove(folder)
    return whole


def _to_datasets(folder: Path, splits: list[Split]) -> Path:
    """From Parquet shards to the Arrow files that `datasets.load_from_disk` maps into memory; the shards stay."""
    import datasets  # slow to import, and only needed here

    converted, cache = folder / "converted", folder / "cache"
    for rest in (converted, cache):
        shutil.rmtree(rest, ignore_errors=True)
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


def _said(settings: ExportSettings) -> str:
    wanted = settings.model_dump(mode="json", exclude={"format", "token_ids", "shard_rows"})
    return ", ".join(f"{name} {value}" for name, value in wanted.items() if value not in ([], None, False))
