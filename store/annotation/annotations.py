"""The store's annotations: the jobs of teachers, their attempts and turns, and the ledger of what they cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from store.annotation import attempts, jobs, ledger, reading
from store.database.bulk import BATCH
from store.database.database import StorePart
from store.database.retry import retrying
from store.records import (
    AnnotationJob,
    AnnotationSummary,
    ExecutionRecord,
    KeptSolution,
    Outcome,
    Problem,
    QuestionFinding,
    QuestionPosition,
    QuestionVerdict,
    Reservation,
    Spending,
    Split,
    TeacherAttempt,
    TeacherQuestion,
    TeacherTurn,
    Usage,
    WrittenSolution,
)

Place = tuple[str, int]
"""The position of an attempt: its problem and its number."""


@retrying
class Annotations(StorePart):
    """Solutions of teachers behind an API, turn by turn, with what each request costs.

    One process at a time is at work on a job: it claims it, and only it can reserve.
    """

    def open_job(self, key: str, model: str, settings: Mapping[str, Any]) -> AnnotationJob:
        """The job with this key, which is created if there is none."""
        with self._write() as session:
            return jobs.open_job(session, key, model, settings, self._now())

    def claim(self, job_id: int, owner: str, is_alive: Callable[[str], bool]) -> int:
        """Make `owner` the process that is at work on a job; returns how many requests the one before left unanswered.

        These count as spent. `is_alive` tells whether an owner that was at work a moment ago still is.

        Raises:
            AnnotationTakenError: another process is at work on it.
        """
        with self._write() as session:
            return jobs.claim(session, job_id, owner, is_alive, self._now())

    def beat(self, job_id: int, owner: str) -> None:
        """Record that the owner of a job is alive. Raises `AnnotationTakenError` if another process took it over."""
        with self._write() as session:
            jobs.beat(session, job_id, owner, self._now())

    def release(self, job_id: int, owner: str) -> None:
        """End the ownership of a job, unless another process has it."""
        with self._write() as session:
            jobs.release(session, job_id, owner)

    def reserve(self, job_id: int, owner: str, request: Reservation, budget: tuple[int | None, int | None]) -> bool:
        """Reserve the most that a request can cost, before it is sent; False if the budget has no room for it.

        `budget` is (millionths of a US dollar, tokens) for the whole job, None without a limit.

        Raises:
            AnnotationTakenError: another process is at work on the job.
        """
        with self._write() as session:
            return ledger.reserve(session, job_id, owner, request, budget, self._now())

    def add_turn(
        self, attempt_id: int, turn: TeacherTurn, request_id: str, cost_microusd: int | None, usage: Usage | None
    ) -> None:
        """Store a teacher's answer and settle its request, by its whole reservation if there is no usage."""
        with self._write() as session:
            attempts.add_turn(session, attempt_id, turn, request_id, (cost_microusd, usage), self._now())

    def lose(self, request_id: str, reason: str) -> None:
        """Count a request whose answer did not arrive with its whole reservation."""
        with self._write() as session:
            ledger.lose(session, request_id, reason, self._now())

    def refuse(self, request_id: str, reason: str) -> None:
        """Return the reservation of a request that costs nothing."""
        with self._write() as session:
            ledger.refuse(session, request_id, reason, self._now())

    def spending(self, job_id: int) -> Spending:
        """What a job has spent and reserved."""
        with self._read() as session:
            return jobs.get_job(session, job_id).spending

    def next_questions(
        self,
        job_id: int,
        temperatures: Sequence[float],
        after: QuestionPosition | None = None,
        limit: int = BATCH,
        source: str | None = None,
        split: Split = Split.TRAIN,
        *,
        originals: bool = False,
    ) -> tuple[list[TeacherQuestion], QuestionPosition | None]:
        """The next problems of a split in their random order, with an attempt of the job for each temperature.

        `originals`: only those that were not made of others. Attempts without an outcome have their turns. Returns the
        position of the last problem too, None at the end.
        """
        with self._write() as session:
            return attempts.next_questions(
                session, job_id, temperatures, after, limit, source, split, originals=originals
            )

    def attempts(self, job_id: int, problem_id: str, samples: int) -> tuple[TeacherAttempt, ...]:
        """The first attempts of a job at a problem."""
        with self._read() as session:
            return attempts.attempts_at(session, job_id, [problem_id], samples).get(problem_id, ())

    def answers(self, problem_ids: Sequence[str]) -> dict[str, list[str]]:
        """The answers of all ended attempts at problems, of all jobs, by problem."""
        with self._read() as session:
            return reading.answers(session, problem_ids)

    def show(self, attempt_id: int, number: int, shown: str, execution: ExecutionRecord | None) -> None:
        """Store what is shown to the teacher in return for a turn."""
        with self._write() as session:
            attempts.show(session, attempt_id, number, shown, execution)

    def fail(self, attempt_id: int, reason: str) -> None:
        """Record why an attempt cannot go on for now. It stays without an outcome, to be continued."""
        with self._write() as session:
            attempts.fail(session, attempt_id, reason)

    def finish(
        self, attempt_id: int, outcome: Outcome, answer: str | None, solution: WrittenSolution | None, keep: int
    ) -> bool:
        """End an attempt; returns whether its solution is kept.

        A verified solution is kept unless an equal one of the same problem was kept before, or `keep` others were.
        """
        with self._write() as session:
            return attempts.finish(session, attempt_id, outcome, answer, solution, keep, self._now())

    def conclude(self, job_id: int, finding: QuestionFinding) -> None:
        """Store what a job found about a problem, in the place of what it found before."""
        with self._write() as session:
            attempts.conclude(session, job_id, finding)

    def unconcluded(self, job_id: int, problem_ids: Sequence[str]) -> set[str]:
        """Those of these problems of which it is not stored what a job found."""
        with self._read() as session:
            return attempts.unconcluded(session, job_id, problem_ids)

    def kept(self, solution_format: str | None = None) -> Iterator[KeptSolution]:
        """Stream the kept solutions to training problems, by problem; each page is a transaction of its own."""
        yield from self._stream(lambda session, after: reading.kept_after(session, after, BATCH, solution_format))

    def written(self, job_id: int) -> Iterator[tuple[Problem, int, str]]:
        """Stream what a job's accepted attempts answered, with the problem and the number of the attempt."""
        yield from self._stream(lambda session, after: reading.written_after(session, job_id, after, BATCH))

    def _stream[T](self, read: Callable[[Session, Place | None], tuple[list[T], Place | None]]) -> Iterator[T]:
        """What `read` returns page by page; each page is a transaction of its own."""
        after: Place | None = None
        while True:
            with self._read() as session:
                page, after = read(session, after)
            yield from page
            if after is None:
                return

    def summaries(self) -> list[AnnotationSummary]:
        """Each job in figures, the first one first."""
        with self._read() as session:
            return reading.summaries(session)

    def findings(self, job_id: int, verdict: QuestionVerdict | None, limit: int) -> list[QuestionFinding]:
        """What a job found about problems, of one verdict or of all, with what they cost."""
        with self._read() as session:
            return reading.findings(session, job_id, verdict, limit)

    def batches_under_way(self, job_id: int) -> dict[str, list[Reservation]]:
        """The requests of batches that are not settled, by the key of the batch."""
        with self._read() as session:
            return reading.batches_under_way(session, job_id)
