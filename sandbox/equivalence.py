"""Decides whether a given answer equals the expected one. docs/equivalence.md states the convention.

Numbers with their units, words and lists of these are compared here, in microseconds. Everything else goes to
math-verify, which runs inside the sandbox: its parser evaluates its input, which a model wrote, and may never return.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from enum import StrEnum
from types import TracebackType
from typing import Self

from sandbox.execution import Execution, Status
from sandbox.guest.answers.comparison import compare
from sandbox.guest.answers.notation import final_answer
from sandbox.guest.answers.prose import is_prose
from sandbox.guest.answers.quantities import QUANTITY_CHARS, read_quantity
from sandbox.interpreter import Sandbox, Session
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from sandbox.stats import SandboxStats

log = logging.getLogger(__name__)

PACKAGES = ("math_verify", "latex2sympy2_extended", "antlr4", "antlr4_python3_runtime-*.dist-info", "sympy", "mpmath")
COMPARER = "sandbox.guest.answers.symbolic"
PLAIN_CHARS = 200  # longer answers are not compared outside the jail: shorter ones take no time, whatever they hold


class Verdict(StrEnum):
    """The result of a comparison.

    Undecided: it did not end in time, or the given answer cannot be read. Unreadable: the reference cannot be read, so
    no answer can be compared with it.
    """

    EQUAL = "equal"
    DIFFERENT = "different"
    UNDECIDED = "undecided"
    UNREADABLE = "unreadable"


class AnswerCheckFailed(Exception):  # noqa: N818 - what happened to the check
    """The checker's processes failed, so there is no verdict. This is a fault of ours, never of the answer."""


# Endings that earlier pairs in the same process may have caused.
_MAY_BE_INHERITED = {Status.KILLED, Status.MEMORY, Status.SANDBOX_FAILURE}
_VERDICTS = {"'True'": Verdict.EQUAL, "'False'": Verdict.DIFFERENT}


class AnswerChecker:
    """Compares answers. Use it from one event loop, in any thread.

    The first pair that needs math-verify starts a process that imports it. Comparisons run in its forked children, each
    of which serves `pairs_per_process` pairs. A pair that exceeds a limit is undecided and ends its child; every other
    pair still gets its verdict.
    """

    def __init__(self, settings: AnswerCheckerSettings | None = None, stats: SandboxStats | None = None) -> None:
        """`stats`: counts failures of the sandbox, as for `Sandbox`."""
        self._settings = settings or AnswerCheckerSettings()
        self._stats = stats
        self._sandbox: Sandbox | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(self._settings.max_concurrent_checks)
        self._idle: list[_Comparer] = []

    async def close(self) -> None:
        """End the processes, if any were started."""
        while self._idle:
            await self._idle.pop().close()
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            await sandbox.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def check(self, expected: str | Sequence[str], given: str) -> Verdict:
        """Compare the reference answer with a given one, with or without `\\boxed{}` or dollars around them.

        The answer is equal if any one of several references is. Raises SandboxUnavailable if math-verify is needed and
        code cannot be isolated on this host.
        """
        references = [expected] if isinstance(expected, str) else expected
        undecided = False
        for reference in references:
            verdict = await self._check_one(reference, given)
            if verdict is Verdict.EQUAL:
                return verdict
            undecided = undecided or verdict is Verdict.UNDECIDED
        return Verdict.UNDECIDED if undecided else Verdict.DIFFERENT

    async def _check_one(self, expected: str, given: str) -> Verdict:
        verdict = compare_plain(expected, given)
        if verdict is not None:
            return verdict
        if not self._settings.symbolic:
            return Verdict.DIFFERENT if read_quantity(final_answer(expected)) else Verdict.UNDECIDED
        limit = self._settings.answer_chars
        expected, given = _shortened(expected, limit), _shortened(given, limit)
        if max(len(expected), len(given)) > limit:
            return Verdict.UNDECIDED
        async with self._slots:
            return await self._compare_in_jail(expected, given)

    async def check_many(self, pairs: Iterable[tuple[str | Sequence[str], str]]) -> list[Verdict]:
        """The verdicts of (expected, given) pairs, in their order. Raises as `check` does."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self.check(expected, given)) for expected, given in pairs]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None  # one cause, seen by several
        return [task.result() for task in tasks]

    async def _compare_in_jail(self, expected: str, given: str) -> Verdict:
        """Compare in a child; if it dies, and earlier pairs may be the cause, compare again in a fresh one."""
        async with self._comparer() as comparer:
            fresh = comparer.served == 0
            execution = await comparer.compare(expected, given)
        if execution.status in _MAY_BE_INHERITED and not fresh:
            async with self._comparer(fresh=True) as comparer:
                execution = await comparer.compare(expected, given)
        if execution.status is Status.SANDBOX_FAILURE:
            log.warning("answer check failed: %s", execution.error)
        return _VERDICTS.get(execution.value or "", Verdict.UNDECIDED)

    @asynccontextmanager
    async def _comparer(self, *, fresh: bool = False) -> AsyncIterator["_Comparer"]:
        sandbox = await self._started_sandbox()
        comparer = self._idle.pop() if self._idle and not fresh else await _Comparer.open(sandbox)
        try:
            yield comparer
        finally:
            if comparer.usable and comparer.served < self._settings.pairs_per_process and self._sandbox is sandbox:
                self._idle.append(comparer)
            else:
                await comparer.close()

    async def _started_sandbox(self) -> Sandbox:
        async with self._starting:
            if self._sandbox is None:
                sandbox = Sandbox(self._sandbox_settings(), self._stats)
                await sandbox.start()
                self._sandbox = sandbox
            return self._sandbox

    def _sandbox_settings(self) -> SandboxSettings:
        settings = self._settings
        session_s = settings.check_wall_s * settings.pairs_per_process
        return SandboxSettings(
            preload=(COMPARER,),
            packages=PACKAGES,
            max_concurrent_blocks=settings.max_concurrent_checks,
            block_wall_s=settings.check_wall_s,
            session_wall_s=min(session_s, 86_400),
            session_cpu_s=int(session_s) + 1,
            memory_bytes=settings.memory_bytes,
            start_s=settings.start_s,
        )


class _Comparer:
    """A confined child that compares one pair after another until one of them ends it."""

    def __init__(self, session: Session, resources: AsyncExitStack) -> None:
        self._session = session
        self._resources = resources
        self.served = 0
        self.usable = True

    @classmethod
    async def open(cls, sandbox: Sandbox) -> Self:
        resources = AsyncExitStack()
        return cls(await resources.enter_async_context(sandbox.session()), resources)

    async def compare(self, expected: str, given: str) -> Execution:
        self.usable = False  # if the caller is cancelled
        self.served += 1
        execution = await self._session.run(f"from {COMPARER} import same\nstr(same({expected!r}, {given!r}))")
        self.usable = execution.status is Status.OK
        return execution

    async def close(self) -> None:
        await self._resources.aclose()


def compare_plain(expected: str, given: str) -> Verdict | None:
    """The verdict if the written forms decide it, else None. Takes time linear in the answers' length."""
    left, right = final_answer(expected), final_answer(given)
    if max(len(left), len(right)) > PLAIN_CHARS:
        verdict = _compare_long(left, right)
    else:
        verdict = compare(left, right, lambda expected, given: None)
    return None if verdict is None else Verdict.EQUAL if verdict else Verdict.DIFFERENT


def _compare_long(expected: str, given: str) -> bool | None:
    """Compare long answers: identical texts are equal; an integer of hundreds of digits equals no shorter quantity."""
    if expected == given:
        return True
    a, b = read_quantity(expected), read_quantity(given)
    digits = (expected if a is None else given).lstrip("+-")
    if (a is None) is (b is None) or len(digits) <= QUANTITY_CHARS:
        return None
    return False if digits.isdecimal() and digits[0] != "0" else None


def _shortened(answer: str, limit: int) -> str:
    """Shorten an answer beyond the limit to what its boxes hold, and prose to its end, where the answer is."""
    if len(answer) <= limit:
        return answer
    final = final_answer(answer)
    return final[-limit:] if len(final) > limit and is_prose(final) else final
