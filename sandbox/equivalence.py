"""Decides whether a given answer equals the expected one. docs/equivalence.md states the convention.

Numbers with their units, words and lists of these are compared here, in microseconds. Everything else needs sympy and
is compared inside the sandbox: evaluating what a model wrote may take any time and memory.
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
from sandbox.relation import ALGEBRA, Relation, read_relation
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from sandbox.stats import SandboxStats

log = logging.getLogger(__name__)

PACKAGES = ("sympy", "mpmath")
COMPARER = "sandbox.guest.answers.symbolic"
READ_CHARS = 1 << 15  # from the end of an answer, where its boxes are: reading megabytes would hold others up
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


# Endings that earlier pairs in the same process, or something outside it, may have caused.
_MAY_BE_INHERITED = {Status.KILLED, Status.MEMORY, Status.SANDBOX_FAILURE}
_DECIDED = (Verdict.EQUAL, Verdict.DIFFERENT, Verdict.UNREADABLE)
_FRESH_TRIES = 2
_PRIORITY = (Verdict.EQUAL, Verdict.UNDECIDED, Verdict.UNREADABLE, Verdict.DIFFERENT)


class AnswerChecker:
    """Compares answers. Use it from one event loop, in any thread.

    The first pair that needs sympy starts a process that imports it. Comparisons run in its forked children, each
    of which serves `pairs_per_process` pairs. A pair that exceeds a limit is undecided and ends its child; every other
    pair still gets its verdict.
    """

    def __init__(self, settings: AnswerCheckerSettings | None = None, stats: SandboxStats | None = None) -> None:
        """`stats`: counts failures of the sandbox, as for `Sandbox`."""
        self._settings = settings or AnswerCheckerSettings()
        self._stats = stats
        self._sandbox: Sandbox | None = None
        self._starting = asyncio.Lock()
        self._slots = asyncio.Semaphore(self._settings.checks_at_once)
        self._idle: list[_Comparer] = []

    @property
    def settings(self) -> AnswerCheckerSettings:
        """The settings that this checker was made with."""
        return self._settings

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

        The answer is equal if any one of several references is, and different only if it differs from all of them.

        Raises:
            AnswerCheckFailed: the checker's own processes failed.
            SandboxUnavailable: the comparison needs sympy, and code cannot be isolated on this host.
        """
        verdicts = set()
        for reference in [expected] if isinstance(expected, str) else expected:
            verdicts.add(await self._check_one(reference, given))
            if Verdict.EQUAL in verdicts:
                break
        return next((verdict for verdict in _PRIORITY if verdict in verdicts), Verdict.UNREADABLE)

    async def can_read(self, reference: str) -> bool:
        """Whether a reference is read to its end: answers written in another way can be compared with it. Raises as
        `check` does.
        """
        reference = _shortened(reference, self._settings.answer_chars)
        if not final_answer(reference) or len(reference) > self._settings.answer_chars:
            return False
        if compare_plain(reference, reference, by_text=False) is not None:
            return True
        async with self._slots:
            execution = await self._run_in_jail(f"from {COMPARER} import readable\nreadable({reference!r})")
        return execution.value == "True"

    async def relate(self, left: str, right: str) -> Relation:
        """What algebra says of two expressions, as they are written, without this project's convention.

        For other projects' rules of judging. Nothing is known of what is not read to its end, is too long, exceeds a
        limit, or has `symbolic` turned off. Raises as `check` does.
        """
        if not self._settings.symbolic or max(len(left), len(right)) > self._settings.answer_chars:
            return Relation()
        async with self._slots:
            execution = await self._run_in_jail(f"from {ALGEBRA} import relate\nrelate({left!r}, {right!r})")
        return read_relation(execution.value or "") if execution.status is Status.OK else Relation()

    async def _check_one(self, expected: str, given: str) -> Verdict:
        if not final_answer(expected[-READ_CHARS:]):
            return Verdict.UNREADABLE
        verdict = compare_plain(expected, given)
        if verdict is not None:
            return verdict
        if not self._settings.symbolic:
            return Verdict.DIFFERENT if read_quantity(final_answer(expected)) else Verdict.UNDECIDED
        limit = self._settings.answer_chars
        expected, given = _shortened(expected, limit), _shortened(given, limit)
        if len(expected) > limit:
            return Verdict.UNREADABLE
        if len(given) > limit:
            return self._undecided("an answer that is too long")
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
        execution = await self._run_in_jail(f"from {COMPARER} import same\nsame({expected!r}, {given!r})")
        verdict, _, reason = (execution.value or "").strip("'\"").partition(": ")
        if execution.status is Status.OK and verdict in _DECIDED:
            return Verdict(verdict)
        return self._undecided(reason if execution.status is Status.OK else execution.status.value)

    async def _run_in_jail(self, source: str) -> Execution:
        """Run a comparison in a child. If it dies, which an earlier pair or something outside may have caused, it is
        repeated in fresh ones.

        Raises AnswerCheckFailed if the sandbox fails each time. A child that the comparison itself ended is a result.
        """
        async with self._comparer() as comparer:
            fresh = comparer.served == 0
            execution = await comparer.run(source)
        for _ in range(_FRESH_TRIES - fresh):
            if execution.status not in _MAY_BE_INHERITED:
                break
            async with self._comparer(fresh=True) as comparer:
                execution = await comparer.run(source)
        if execution.status is Status.SANDBOX_FAILURE:
            raise AnswerCheckFailed(f"an answer was not compared: {execution.error}")
        return execution

    def _undecided(self, reason: str) -> Verdict:
        if self._stats is not None:
            self._stats.undecided[reason] += 1
        return Verdict.UNDECIDED

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
            preload=(COMPARER, ALGEBRA),
            packages=PACKAGES,
            max_concurrent_blocks=settings.checks_at_once,
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

    async def run(self, source: str) -> Execution:
        self.usable = False  # if the caller is cancelled
        self.served += 1
        execution = await self._session.run(source)
        self.usable = execution.status is Status.OK
        return execution

    async def close(self) -> None:
        await self._resources.aclose()


def compare_plain(expected: str, given: str, *, by_text: bool = True) -> Verdict | None:
    """The verdict if the written forms decide it, else None. Takes time linear in the answers' length.

    Unless `by_text`, equal texts count only if they are read.
    """
    if by_text and expected == given and len(expected) > READ_CHARS:
        return Verdict.EQUAL
    left, right = final_answer(expected[-READ_CHARS:]), final_answer(given[-READ_CHARS:])
    if max(len(left), len(right)) > PLAIN_CHARS:
        verdict = _compare_long(left, right) if by_text else None
    else:
        verdict = compare(left, right, lambda expected, given: None, by_text=by_text)
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
    final = final_answer(answer[-READ_CHARS:])
    return final[-limit:] if len(final) > limit and is_prose(final) else final
