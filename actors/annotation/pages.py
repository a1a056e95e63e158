"""The problems of a job, page by page, each with the attempts at it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from store.annotation.annotations import Annotations
from store.records import QuestionPosition, Split, TeacherQuestion

_PAGE = 128


@dataclass(frozen=True, slots=True)
class Selection:
    """Which problems: the first `limit` of a split and a source; `originals`: not those that were made of others."""

    limit: int | None = None
    source: str | None = None
    split: Split = Split.TRAIN
    originals: bool = False


async def pages(
    annotations: Annotations, job_id: int, temperatures: tuple[float, ...], selection: Selection
) -> AsyncIterator[list[TeacherQuestion]]:
    """The problems in their random order, with an attempt for each temperature."""
    after: QuestionPosition | None = None
    left = selection.limit
    while left is None or left > 0:
        size = _PAGE if left is None else min(left, _PAGE)
        page, after = await asyncio.to_thread(
            annotations.next_questions, job_id, temperatures, after, size,
            selection.source, selection.split, originals=selection.originals,
        )  # fmt: skip
        if after is None:
            return
        left = None if left is None else left - len(page)
        yield page
