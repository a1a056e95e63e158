"""The task of solving problems: code is run, answers are verified, and verified solutions are kept."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from actors.annotation.dialogue.conversation import Conversation
from actors.annotation.dialogue.prompts import Prompt
from actors.annotation.dialogue.turns import parse_turn, reply_of, written_turns
from actors.annotation.interpreter import Interpreter
from actors.annotation.pages import Selection
from actors.annotation.progress import JobProgress
from actors.annotation.questions import Questions
from actors.annotation.settings import AnnotationSettings
from actors.annotation.task import AttemptFailure, Need, OpenTask, Task
from actors.annotation.work import Work
from actors.attempts.attempt import OUTCOME_OF_VERDICT
from actors.formats import SolutionFormat
from sandbox.equivalence import AnswerChecker, AnswerCheckFailed
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.annotation.annotations import Annotations
from store.annotation.texts import storable
from store.records import AnnotationJob, Outcome, Problem, Segment, SegmentKind, TeacherTurn, WrittenSolution
from store.store import Store


def solving(
    settings: AnnotationSettings,
    prompt: Prompt,
    selection: Selection,
    sandbox_settings: SandboxSettings,
    checker_settings: AnswerCheckerSettings,
) -> OpenTask:
    """The task of solving the problems of a selection.

    Opening it raises SandboxUnavailable if code cannot be isolated on this host.
    """

    @asynccontextmanager
    async def opened(store: Store, job: AnnotationJob, progress: JobProgress) -> AsyncIterator[Task]:
        async with AsyncExitStack() as stack:
            sandbox = await stack.enter_async_context(Sandbox(sandbox_settings))
            checker = await stack.enter_async_context(AnswerChecker(checker_settings))
            questions = Questions(store, job, checker, settings.all_temperatures, selection, progress)
            yield Solving(settings, prompt, store.annotations, sandbox, checker, questions)

    return opened


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, and its solution, if the teacher ended it with an answer."""

    outcome: Outcome
    answer: str | None = None
    solution: WrittenSolution | None = None


class Solving:
    """Attempts at problems, with an interpreter for each that has run code."""

    def __init__(
        self,
        settings: AnnotationSettings,
        prompt: Prompt,
        annotations: Annotations,
        sandbox: Sandbox,
        checker: AnswerChecker,
        questions: Questions,
    ) -> None:
        self._settings = settings
        self._conversation = Conversation(settings, prompt)
        self._format = self._conversation.format
        self._annotations = annotations
        self._sandbox = sandbox
        self._checker = checker
        self._questions = questions
        self._interpreters: dict[int, Interpreter] = {}

    def open_work(self) -> AsyncIterator[Work]:
        """The attempts without an outcome, one by one."""
        return self._questions.open_work()

    def body(self, work: Work) -> dict[str, Any]:
        """The request for the next turn of an attempt, without how it is sent."""
        return self._conversation.body(work.problem.question, work.attempt.turns, work.attempt.temperature)

    def need(self, work: Work) -> Need:
        """What an attempt needs next."""
        return need_of(work.attempt.turns, self._format, self._settings.max_blocks)

    async def show(self, work: Work) -> Work:
        """The attempt after its last turn was answered by the interpreter, which is stored.

        Raises:
            AttemptFailure: the sandbox failed, again and again.
        """
        attempt = work.attempt
        *before, last = attempt.turns
        interpreter = self._interpreters.setdefault(attempt.id, self._new_interpreter())
        shown, execution = await interpreter.answer(attempt.turns, parse_turn(reply_of(last), self._format))
        shown = storable(shown)
        await asyncio.to_thread(self._annotations.show, attempt.id, last.number, shown, execution)
        turns = (*before, replace(last, shown=shown, execution=execution))
        return Work(work.problem, replace(attempt, turns=turns))

    async def finish(self, work: Work) -> Work:
        """The attempt with its outcome, which is stored; a verified solution is kept if it is new.

        Raises:
            AttemptFailure: the answer could not be checked.
        """
        attempt, ending = work.attempt, await self._ending(work)
        place = attempt.id, ending.outcome, ending.answer, ending.solution, self._settings.keep
        await asyncio.to_thread(self._annotations.finish, *place)
        return Work(work.problem, replace(attempt, outcome=ending.outcome, answer=ending.answer))

    async def close(self, work: Work) -> None:
        """End the session of an attempt, if it has one."""
        interpreter = self._interpreters.pop(work.attempt.id, None)
        if interpreter is not None:
            await interpreter.close()

    async def conclude(self, problem: Problem) -> None:
        """Store what the attempts at a problem say, if all of them have ended, and propose what people should decide.

        Raises:
            AttemptFailure: answers cannot be compared for now.
        """
        try:
            await self._questions.conclude(problem)
        except AnswerCheckFailed as error:
            raise AttemptFailure(str(error)) from error

    def _new_interpreter(self) -> Interpreter:
        return Interpreter(self._sandbox, self._format, self._settings.max_output_chars)

    async def _ending(self, work: Work) -> Ending:
        turns = written_turns(work.attempt.turns, self._format)
        last = reply_of(work.attempt.turns[-1])
        if last.is_cut or not parse_turn(last, self._format).is_last:
            return Ending(Outcome.TRUNCATED)
        answer = self._format.find_answer(turns[-1][0])
        if answer is None:
            return Ending(Outcome.NO_ANSWER)
        try:
            verdict = await self._checker.check(work.problem.accepted_answers, answer)
        except AnswerCheckFailed as error:
            raise AttemptFailure(str(error)) from error
        return Ending(OUTCOME_OF_VERDICT[verdict], answer, written_solution(turns, self._format))


def need_of(turns: Sequence[TeacherTurn], solution_format: SolutionFormat, max_blocks: int) -> Need:
    """What an attempt with these turns needs next."""
    if not turns:
        return Need.TURN
    last = turns[-1]
    if last.shown is not None:
        return Need.TURN
    if parse_turn(reply_of(last), solution_format).is_last or len(turns) > max_blocks:
        return Need.VERDICT
    return Need.RETURN


def written_solution(turns: Sequence[tuple[str, str | None]], solution_format: SolutionFormat) -> WrittenSolution:
    """A solution with its segments, from its turns."""
    segments: list[Segment] = []
    for text, shown in turns:
        segments.extend(solution_format.split_turn(text))
        if shown is not None:
            segments.append(Segment(SegmentKind.OUTPUT, shown))
    return WrittenSolution(tuple(turns), tuple(segments))
