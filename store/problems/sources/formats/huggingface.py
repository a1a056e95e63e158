"""Rows of a data set of the Hugging Face hub, of `datasets`' cache, or of a local folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.rows.fields import Row
from store.settings import HuggingFaceSettings

_SAVED = ("state.json", "dataset_dict.json")  # one of which `save_to_disk` writes


def read_huggingface(settings: HuggingFaceSettings) -> Iterator[Row]:
    """Stream the rows of one split. Without a network, those of the cache of `datasets`, if it has the data set.

    Raises:
        ProblemSourceError: the data set cannot be loaded.
    """
    for number, row in enumerate(_rows(settings), start=1):
        yield f"row {number}", row


def describe(settings: HuggingFaceSettings) -> str:
    """The data set and its split, for messages."""
    return f"huggingface data set {settings.dataset!r}, split {settings.dataset_split!r}"


def _rows(settings: HuggingFaceSettings) -> Iterator[dict[str, Any]]:
    import datasets  # slow to import, and only needed here
    import httpx
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # it would log each attempt to reach the hub; the last failure is raised below
    datasets.utils.logging.set_verbosity_error()
    folder = Path(settings.dataset).expanduser()
    try:
        if any((folder / name).is_file() for name in _SAVED):
            yield from _saved_split(datasets.load_from_disk(str(folder)), settings)
            return
        yield from datasets.load_dataset(
            str(folder) if folder.is_dir() else settings.dataset,
            settings.config,
            split=settings.dataset_split,
            revision=settings.revision,
            streaming=True,  # so that `limit` fetches no more rows than it needs
        )
    except (OSError, ValueError, ImportError, httpx.HTTPError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ProblemSourceError(f"{describe(settings)}: it cannot be loaded: {reason}. {_advice(folder)}") from error


def _saved_split(saved: Any, settings: HuggingFaceSettings) -> Any:
    """The split of what `save_to_disk` wrote: a dictionary of splits, or one that may have a name."""
    wanted = settings.dataset_split
    if isinstance(saved, dict):
        if wanted not in saved:
            raise ValueError(f"there is no split {wanted!r}, but {', '.join(map(repr, map(str, saved)))}")
        return saved[wanted]
    if saved.split is not None and str(saved.split) != wanted:
        raise ValueError(f"it holds the split {str(saved.split)!r}")
    return saved


def _advice(folder: Path) -> str:
    if folder.is_dir():
        return "Check its files and its split (dataset_split, --dataset-split)."
    return (
        "Check its id, config and split, and the network, "
        'or provide the problems as a file (kind = "jsonl" or "parquet").'
    )
