"""A job from its settings: its row in the store, the process that owns it, and everything that its attempts need."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from actors.annotation.annotator import Annotator
from actors.annotation.batches.batch_annotator import BatchAnnotator
from actors.annotation.dialogue.prompts import Prompt
from actors.annotation.endpoint.client import TeacherClient
from actors.annotation.endpoint.pace import Stop
from actors.annotation.ownership import owned
from actors.annotation.progress import JobProgress
from actors.annotation.settings import AnnotationSettings, TokenPrice
from actors.annotation.spending.budget import Ledger, Limits
from actors.annotation.task import OpenTask
from store.records import AnnotationJob
from store.store import Store

_IDENTITY = (
    "model", "base_url", "solution_format", "calls", "max_blocks", "max_tokens", "max_output_chars",
)  # fmt: skip
_TICK_S = 1.0

OnProgress = Callable[[JobProgress], None]


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What a teacher is to do, with its prompt and its budget.

    `in_batches`: with OpenAI's Batch API, turn by turn. `task`: a name, where it is not to solve problems.
    """

    settings: AnnotationSettings
    prompt: Prompt
    price: TokenPrice
    limits: Limits
    in_batches: bool = False
    task: str | None = None


def open_job(store: Store, order: JobOrder) -> AnnotationJob:
    """The job of a teacher in the store. The same teacher, prompt and parameters continue the same job.

    The number of attempts, their temperatures, the budget and the problems are not part of that: they can be extended.
    """
    settings = order.settings.model_dump(mode="json", include=set(_IDENTITY))
    provenance: dict[str, Any] = settings | {
        "prompt": order.prompt.digest,
        "examples": len(order.prompt.examples),
        "instruction": order.prompt.instruction,
    }
    if order.task is not None:
        provenance["task"] = order.task
    key = hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()[:32]
    return store.annotations.open_job(key, order.settings.model, provenance)


async def run_job(
    store: Store, order: JobOrder, open_task: OpenTask, stop: Stop, on_progress: OnProgress
) -> tuple[AnnotationJob, JobProgress]:
    """Do a job, or continue it where an earlier process ended. Returns it, and what this start of it did.

    Raises:
        TeacherError: the teacher cannot be used; all that it answered is stored.
        AnnotationTakenError: another process is at work on the job.
        SandboxUnavailable: the task needs a sandbox, and code cannot be isolated on this host.
    """
    client = TeacherClient(order.settings)
    job = await asyncio.to_thread(open_job, store, order)
    progress = JobProgress()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        task = await stack.enter_async_context(open_task(store, job, progress))
        owner, progress.left_unanswered = await stack.enter_async_context(owned(store.annotations, job.id))
        ledger = Ledger(store.annotations, job.id, owner, order.limits, order.price)
        kind = BatchAnnotator if order.in_batches else Annotator
        annotator = kind(order.settings, ledger, client, task, stop, progress)
        ticking = asyncio.create_task(_tick(store, job.id, progress, on_progress))
        try:
            await annotator.run()
        finally:
            ticking.cancel()
            progress.is_stopped = stop.is_set
            progress.spending = store.annotations.spending(job.id)
            on_progress(progress)
    return job, progress


async def _tick(store: Store, job_id: int, progress: JobProgress, on_progress: OnProgress) -> None:
    while True:
        progress.spending = await asyncio.to_thread(store.annotations.spending, job_id)
        on_progress(progress)
        await asyncio.sleep(_TICK_S)
