"""The attempts of a job that have no outcome, one by one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from actors.annotation.questions import Questions
from store.records import Problem, TeacherAttempt


@dataclass(frozen=True, slots=True)
class Work:
    """An attempt with its problem."""

    problem: Problem
    attempt: TeacherAttempt


async def open_work(questions: Questions) -> AsyncIterator[Work]:
    """The attempts without an outcome, page by page. Complete problems are concluded on the way."""
    async for page in questions.pages():
        await questions.conclude_page(page)
        for question in page:
            for attempt in question.attempts:
                if attempt.outcome is None:
                    yield Work(question.problem, attempt)
