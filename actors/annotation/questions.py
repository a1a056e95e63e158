"""The problems that a job solves, and what is found about each once its attempts have ended."""

import asyncio
from collections.abc import AsyncIterator

from actors.annotation.agreement import AUTHOR, finding_of, proposal_of
from actors.annotation.pages import Selection, pages
from actors.annotation.progress import JobProgress
from actors.annotation.work import Work, open_attempts
from sandbox.equivalence import AnswerChecker
from store.records import AnnotationJob, Problem, ReviewStatus, TeacherAttempt, TeacherQuestion
from store.store import Store


class Questions:
    """The training problems of a store, or its candidates, with the attempts of a job at them."""

    def __init__(
        self,
        store: Store,
        job: AnnotationJob,
        checker: AnswerChecker,
        temperatures: tuple[float, ...],
        selection: Selection,
        progress: JobProgress,
    ) -> None:
        self._store = store
        self._job = job
        self._checker = checker
        self._temperatures = temperatures
        self._selection = selection
        self._progress = progress
        self._concluded: set[str] = set()  # of problems whose last attempts end together, only one is to conclude

    async def open_work(self) -> AsyncIterator[Work]:
        """The attempts without an outcome. Complete problems are concluded on the way."""
        async for page in pages(self._store.annotations, self._job.id, self._temperatures, self._selection):
            await self._conclude_page(page)
            for work in open_attempts(page):
                yield work

    async def _conclude_page(self, page: list[TeacherQuestion]) -> None:
        """Conclude the problems of a page that an earlier process completed and did not conclude."""
        done = {question.problem.id: question for question in page if question.is_done}
        missing = await asyncio.to_thread(self._store.annotations.unconcluded, self._job.id, list(done))
        for problem_id in sorted(missing):
            await self._conclude(done[problem_id].problem, done[problem_id].attempts)

    async def conclude(self, problem: Problem) -> None:
        """Store what the attempts at a problem say, if all of them have ended, and propose what a person should decide.

        Raises:
            AnswerCheckFailed: answers cannot be compared. The next start does it.
        """
        samples = len(self._temperatures)
        attempts = await asyncio.to_thread(self._store.annotations.attempts, self._job.id, problem.id, samples)
        if problem.id not in self._concluded and all(attempt.outcome is not None for attempt in attempts):
            self._concluded.add(problem.id)
            await self._conclude(problem, attempts)

    async def _conclude(self, problem: Problem, attempts: tuple[TeacherAttempt, ...]) -> None:
        finding = await finding_of(problem, attempts, self._checker)
        await asyncio.to_thread(self._store.annotations.conclude, self._job.id, finding)
        proposal = proposal_of(problem, finding, self._job.model, len(attempts))
        if proposal is not None and not await asyncio.to_thread(self._is_under_review, problem.id):
            await asyncio.to_thread(self._store.labels.propose, [proposal], AUTHOR)
        self._progress.problems += 1
        self._progress.verdicts[finding.verdict.value] += 1

    def _is_under_review(self, problem_id: str) -> bool:
        return bool(self._store.labels.reviews(ReviewStatus.OPEN, 1, problem_id))
