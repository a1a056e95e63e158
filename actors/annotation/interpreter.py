"""The interpreter of an attempt: a sandbox session that is brought to where the stored turns left it."""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from actors.annotation.dialogue.conversation import code_so_far
from actors.annotation.dialogue.turns import ParsedTurn
from actors.annotation.task import AttemptFailure
from actors.attempts.interaction import execution_record
from actors.formats import SolutionFormat
from sandbox.execution import Execution, Status
from sandbox.guest.text import cut_middle
from sandbox.interpreter import Sandbox, Session
from store.annotation.texts import storable
from store.records import ExecutionRecord, TeacherTurn

_SESSIONS = 3  # tried after failures of the sandbox
_STORED_CHARS = 20_000  # of what a block printed, of which the teacher saw less


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


def _stored(record: ExecutionRecord) -> ExecutionRecord:
    stdout, stderr = (cut_middle(text, _STORED_CHARS) for text in (record.stdout, record.stderr))
    value = None if record.value is None else cut_middle(record.value, _STORED_CHARS)
    return replace(record, stdout=storable(stdout), stderr=storable(stderr), value=storable(value))
