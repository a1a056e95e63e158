"""A job from its settings: its row in the store, the process that owns it, and everything that its attempts need."""

import asyncio
import hashlib
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from actors.annotation.annotator import Annotator
from actors.annotation.attempt import Attempts
from actors.annotation.batches.batch_annotator import BatchAnnotator
from actors.annotation.dialogue.conversation import Conversation
from actors.annotation.dialogue.prompts import Prompt
from actors.annotation.endpoint.client import TeacherClient
from actors.annotation.endpoint.pace import Stop
from actors.annotation.ownership import owned
from actors.annotation.progress import JobProgress
from actors.annotation.questions import Questions
from actors.annotation.settings import AnnotationSettings, TokenPrice
from actors.annotation.spending.budget import Ledger, Limits
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.records import AnnotationJob, Split
from store.store import Store

_IDENTITY = (
    "model", "base_url", "solution_format", "calls", "max_blocks", "max_tokens", "max_output_chars",
)  # fmt: skip
_TICK_S = 1.0

OnProgress = Callable[[JobProgress], None]


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What is to be done: the teacher, its prompt, its budget, and the problems: the first `limit` of a source.

    `in_batches`: with OpenAI's Batch API, turn by turn. `split`: training problems, or candidates.
    """

    settings: AnnotationSettings
    prompt: Prompt
    price: TokenPrice
    limits: Limits
    limit: int | None = None
    source: str | None = None
    in_batches: bool = False
    split: Split = Split.TRAIN


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
    key = hashlib.sha256(json.dumps(provenance, sort_keys=True).encode()).hexdigest()[:32]
    return store.annotations.open_job(key, order.settings.model, provenance)


async def run_job(
    store: Store,
    order: JobOrder,
    sandbox_settings: SandboxSettings,
    checker_settings: AnswerCheckerSettings,
    stop: Stop,
    on_progress: OnProgress,
) -> tuple[AnnotationJob, JobProgress]:
    """Do a job, or continue it where an earlier process ended. Returns it, and what this start of it did.

    Raises:
        TeacherError: the teacher cannot be used; all that it answered is stored.
        AnnotationTakenError: another process is at work on the job.
        SandboxUnavailable: code cannot be isolated on this host.
    """
    client = TeacherClient(order.settings)
    job = await asyncio.to_thread(open_job, store, order)
    progress = JobProgress()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(client)
        sandbox = await stack.enter_async_context(Sandbox(sandbox_settings))
        checker = await stack.enter_async_context(AnswerChecker(checker_settings))
        owner, progress.left_unanswered = await stack.enter_async_context(owned(store.annotations, job.id))
        ledger = Ledger(store.annotations, job.id, owner, order.limits, order.price)
        annotator = _annotator(store, order, job, ledger, client, sandbox, checker, stop, progress)
        ticking = asyncio.create_task(_tick(store, job.id, progress, on_progress))
        try:
            await annotator.run()
        finally:
            ticking.cancel()
            progress.is_stopped = stop.is_set
            progress.spending = store.annotations.spending(job.id)
            on_progress(progress)
    return job, progress


def _annotator(
    store: Store,
    order: JobOrder,
    job: AnnotationJob,
    ledger: Ledger,
    client: TeacherClient,
    sandbox: Sandbox,
    checker: AnswerChecker,
    stop: Stop,
    progress: JobProgress,
) -> Annotator | BatchAnnotator:
    settings = order.settings
    conversation = Conversation(settings, order.prompt)
    limits = settings.max_blocks, settings.max_output_chars, settings.keep
    attempts = Attempts(store.annotations, conversation, sandbox, checker, *limits)
    asked = settings.all_temperatures, order.limit, order.source, order.split
    questions = Questions(store, job, checker, *asked, progress)
    kind = BatchAnnotator if order.in_batches else Annotator
    return kind(settings, ledger, client, conversation, attempts, questions, stop, progress)


async def _tick(store: Store, job_id: int, progress: JobProgress, on_progress: OnProgress) -> None:
    while True:
        progress.spending = await asyncio.to_thread(store.annotations.spending, job_id)
        on_progress(progress)
        await asyncio.sleep(_TICK_S)
