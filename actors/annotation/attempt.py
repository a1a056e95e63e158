"""One attempt of a teacher at a problem: the next step follows from its stored turns, so that it continues anywhere."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from enum import Enum, auto

from actors.annotation.dialogue.conversation import Conversation, code_so_far
from actors.annotation.dialogue.turns import ParsedTurn, parse_turn, reply_of, written_turns
from actors.attempts.attempt import OUTCOME_OF_VERDICT
from actors.attempts.interaction import execution_record
from actors.formats import SolutionFormat
from sandbox.equivalence import AnswerChecker, AnswerCheckFailed
from sandbox.execution import Execution, Status
from sandbox.guest.text import cut_middle
from sandbox.interpreter import Sandbox, Session
from store.annotation.annotations import Annotations
from store.annotation.texts import storable
from store.records import (
    ExecutionRecord,
    Outcome,
    Problem,
    Segment,
    SegmentKind,
    TeacherAttempt,
    TeacherTurn,
    WrittenSolution,
)

_SESSIONS = 3  # tried after failures of the sandbox
_STORED_CHARS = 20_000  # of what a block printed, of which the teacher saw less


class AttemptFailure(Exception):  # noqa: N818 - what happened to an attempt
    """An attempt cannot go on for now, for a reason that says nothing about it. It can be continued later."""


class Need(Enum):
    """What an attempt needs next."""

    TURN = auto()  # of the teacher
    RETURN = auto()  # the output of its code, or an answer to a bad call
    VERDICT = auto()


@dataclass(frozen=True, slots=True)
class Ending:
    """How an attempt ended, and its solution, if the teacher ended it with an answer."""

    outcome: Outcome
    answer: str | None = None
    solution: WrittenSolution | None = None


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


class Interpreter:
    """A sandbox session of one attempt. A new session runs the blocks again that the attempt has run before."""

    def __init__(self, sandbox: Sandbox, solution_format: SolutionFormat, max_output_chars: int) -> None:
        self._sandbox = sandbox
        self._format = solution_format
        self._max_output_chars = max_output_chars
        self._open = AsyncExitStack()
        self._session: Session | None = None

    async def close(self) -> None:
        """End the session, if there is one."""
        await self._open.aclose()
        self._session = None

    async def answer(self, turns: Sequence[TeacherTurn], parsed: ParsedTurn) -> tuple[str, ExecutionRecord | None]:
        """What the teacher is shown in return for the last turn, and the execution of its code, if it has any.

        Raises:
            AttemptFailure: the sandbox failed, again and again.
        """
        if parsed.code is None:
            return parsed.complaint or "", None
        execution = await self._run(code_so_far(turns[:-1], self._format), parsed.code)
        return execution.shown(self._max_output_chars), _stored(execution_record(parsed.code, execution))

    async def _run(self, before: Sequence[str], code: str) -> Execution:
        for _ in range(_SESSIONS):
            execution = await self._try(before, code)
            if execution.status is not Status.SANDBOX_FAILURE:
                return execution
            await self.close()
        raise AttemptFailure(f"sandbox failure: {execution.error}")

    async def _try(self, before: Sequence[str], code: str) -> Execution:
        if self._session is None:
            self._session = await self._open.enter_async_context(self._sandbox.session("annotate"))
            for block in before:
                await self._session.run(block)
        return await self._session.run(code)


class Attempts:
    """Continues attempts of a job: what they are shown, and how they end. Asking the teacher is up to the caller."""

    def __init__(
        self, annotations: Annotations, conversation: Conversation, sandbox: Sandbox, checker: AnswerChecker,
        max_blocks: int, max_output_chars: int, keep: int,
    ) -> None:  # fmt: skip
        self._annotations = annotations
        self._format = conversation.format
        self._sandbox = sandbox
        self._checker = checker
        self._max_blocks = max_blocks
        self._max_output_chars = max_output_chars
        self._keep = keep

    def interpreter(self) -> Interpreter:
        """A session for one attempt, to be closed."""
        return Interpreter(self._sandbox, self._format, self._max_output_chars)

    def need(self, attempt: TeacherAttempt) -> Need:
        """What an attempt needs next."""
        return need_of(attempt.turns, self._format, self._max_blocks)

    async def show(self, attempt: TeacherAttempt, interpreter: Interpreter) -> TeacherAttempt:
        """The attempt after its last turn was answered by the interpreter, which is stored.

        Raises:
            AttemptFailure: the sandbox failed, again and again.
        """
        *before, last = attempt.turns
        shown, execution = await interpreter.answer(attempt.turns, parse_turn(reply_of(last), self._format))
        shown = storable(shown)
        await asyncio.to_thread(self._annotations.show, attempt.id, last.number, shown, execution)
        return replace(attempt, turns=(*before, replace(last, shown=shown, execution=execution)))

    async def finish(self, attempt: TeacherAttempt, problem: Problem) -> TeacherAttempt:
        """The attempt with its outcome, which is stored; a verified solution is kept if it is new.

        Raises:
            AttemptFailure: the answer could not be checked.
        """
        ending = await self._ending(attempt, problem)
        place = attempt.id, ending.outcome, ending.answer, ending.solution, self._keep
        await asyncio.to_thread(self._annotations.finish, *place)
        return replace(attempt, outcome=ending.outcome, answer=ending.answer)

    async def _ending(self, attempt: TeacherAttempt, problem: Problem) -> Ending:
        turns = written_turns(attempt.turns, self._format)
        last = reply_of(attempt.turns[-1])
        if last.is_cut or not parse_turn(last, self._format).is_last:
            return Ending(Outcome.TRUNCATED)
        answer = self._format.find_answer(turns[-1][0])
        if answer is None:
            return Ending(Outcome.NO_ANSWER)
        try:
            verdict = await self._checker.check(problem.accepted_answers, answer)
        except AnswerCheckFailed as error:
            raise AttemptFailure(str(error)) from error
        return Ending(OUTCOME_OF_VERDICT[verdict], answer, written_solution(turns, self._format))


def written_solution(turns: Sequence[tuple[str, str | None]], solution_format: SolutionFormat) -> WrittenSolution:
    """A solution with its segments, from its turns."""
    segments: list[Segment] = []
    for text, shown in turns:
        segments.extend(solution_format.split_turn(text))
        if shown is not None:
            segments.append(Segment(SegmentKind.OUTPUT, shown))
    return WrittenSolution(tuple(turns), tuple(segments))


def _stored(record: ExecutionRecord) -> ExecutionRecord:
    stdout, stderr = (cut_middle(text, _STORED_CHARS) for text in (record.stdout, record.stderr))
    value = None if record.value is None else cut_middle(record.value, _STORED_CHARS)
    return replace(record, stdout=storable(stdout), stderr=storable(stderr), value=storable(value))
