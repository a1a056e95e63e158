"""Rewriting as the task of a teacher: one turn for each attempt, without code. Its texts are stored as answers."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from actors.annotation.dialogue.prompts import Prompt, read_prompt
from actors.annotation.dialogue.turns import reply_of
from actors.annotation.pages import Selection, pages
from actors.annotation.progress import JobProgress
from actors.annotation.settings import AnnotationSettings
from actors.annotation.task import Need, OpenTask, Task
from actors.annotation.work import Work, open_attempts
from actors.augmentation.rewriting.methods import Rewriting
from store.annotation.annotations import Annotations
from store.records import AnnotationJob, Outcome, Problem
from store.store import Store


def load_rewriting_prompt(method: Rewriting, prompt: Path | None) -> Prompt:
    """The instruction in a file, or ours for the method. Raises PromptError if the file cannot be used."""
    ours = files(__package__).joinpath(f"prompts/{method.name}.txt")
    return Prompt(ours.read_text(encoding="utf-8").strip() if prompt is None else read_prompt(prompt))


def rewriting(settings: AnnotationSettings, prompt: Prompt, method: Rewriting, selection: Selection) -> OpenTask:
    """The task of rewriting the problems of a selection."""

    @asynccontextmanager
    async def opened(store: Store, job: AnnotationJob, progress: JobProgress) -> AsyncIterator[Task]:
        yield RewritingTask(settings, prompt, method, selection, store.annotations, job.id)

    return opened


def candidates(annotations: Annotations, job: AnnotationJob, method: Rewriting) -> Iterator[Problem]:
    """The candidates that a job's texts make, of all its starts."""
    for problem, sample, text in annotations.written(job.id):
        made = method.made(problem, sample, text)
        if made is not None:
            yield made


class RewritingTask:
    """Attempts at writing a question anew."""

    def __init__(
        self,
        settings: AnnotationSettings,
        prompt: Prompt,
        method: Rewriting,
        selection: Selection,
        annotations: Annotations,
        job_id: int,
    ) -> None:
        self._settings = settings
        self._prompt = prompt
        self._method = method
        self._selection = selection
        self._annotations = annotations
        self._job_id = job_id

    async def open_work(self) -> AsyncIterator[Work]:
        """The attempts without an outcome, one by one."""
        async for page in pages(self._annotations, self._job_id, self._settings.all_temperatures, self._selection):
            for work in open_attempts(page):
                yield work

    def body(self, work: Work) -> dict[str, Any]:
        """The request for the text, without how it is sent."""
        question = self._method.ask(work.problem, work.attempt.sample)
        texts = ("system", self._prompt.instruction), ("user", question)
        return {
            "model": self._settings.model,
            "messages": [{"role": role, "content": text} for role, text in texts],
            "temperature": work.attempt.temperature,
            self._settings.token_limit: self._settings.max_tokens,
        }

    def need(self, work: Work) -> Need:
        """What an attempt needs next: its one turn, if there is something to ask for."""
        if work.attempt.turns or self._method.ask(work.problem, work.attempt.sample) is None:
            return Need.VERDICT
        return Need.TURN

    async def show(self, work: Work) -> Work:
        """Nothing is shown to a teacher that runs no code."""
        raise AssertionError(f"attempt {work.attempt.id} has no code")

    async def finish(self, work: Work) -> Work:
        """The attempt with its outcome, which is stored: accepted if a candidate can be made of its text."""
        outcome, text = self._ending(work)
        await asyncio.to_thread(self._annotations.finish, work.attempt.id, outcome, text, None, 0)
        return Work(work.problem, replace(work.attempt, outcome=outcome, answer=text))

    async def close(self, work: Work) -> None:
        """An attempt holds nothing."""

    async def conclude(self, problem: Problem) -> None:
        """The attempts at a problem say nothing together."""

    def _ending(self, work: Work) -> tuple[Outcome, str | None]:
        if not work.attempt.turns:
            return Outcome.NO_ANSWER, None
        reply = reply_of(work.attempt.turns[-1])
        if reply.is_cut:
            return Outcome.TRUNCATED, None
        if self._method.made(work.problem, work.attempt.sample, reply.text) is None:
            return Outcome.NO_ANSWER, reply.text
        return Outcome.ACCEPTED, reply.text
