"""Problems from a data set of the Hugging Face hub, or from a local folder of one."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.row_parsing import OnSkipped, problems_from_rows
from store.records import Problem
from store.settings import HuggingFaceSettings


def read_huggingface(settings: HuggingFaceSettings, on_skipped: OnSkipped) -> Iterator[Problem]:
    """Stream the problems of one split.

    Raises:
        ProblemSourceError: the data set cannot be loaded, or has bad rows (listed by number, with the reason).
    """
    where = f"huggingface data set {settings.dataset!r}, split {settings.dataset_split!r}"
    rows = ((f"row {number}", row) for number, row in enumerate(_rows(settings, where), start=1))
    return problems_from_rows(islice(rows, settings.limit), settings, settings.dataset, where, on_skipped)


def _rows(settings: HuggingFaceSettings, where: str) -> Iterator[dict[str, Any]]:
    import datasets  # slow to import, and only needed here
    import httpx
    from huggingface_hub.utils import logging

    logging.set_verbosity_error()  # it would log each attempt to reach the hub; the last failure is raised below
    try:
        yield from datasets.load_dataset(
            settings.dataset,
            settings.config,
            split=settings.dataset_split,
            revision=settings.revision,
            streaming=True,  # so that `limit` fetches no more rows than it needs
        )
    except (OSError, ValueError, httpx.HTTPError, datasets.exceptions.DatasetsError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ProblemSourceError(
            f"{where}: it cannot be loaded: {reason}. Check its id, config and split, and the network, "
            'or provide the problems as a file (kind = "jsonl" or "parquet").'
        ) from error
