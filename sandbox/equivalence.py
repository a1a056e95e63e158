"""Decides whether a given answer equals the expected one.

Plain numbers and identical text are settled here, at no cost. Everything else goes to math-verify, which runs inside
the sandbox: its parser evaluates what it reads, may take for ever, and sees strings that a model wrote.
"""

import asyncio
import logging
import re
from enum import StrEnum
from fractions import Fraction
from types import TracebackType
from typing import Self

from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from sandbox.settings import AnswerCheckerSettings, SandboxSettings

log = logging.getLogger(__name__)

PACKAGES = ("math_verify", "latex2sympy2_extended", "antlr4", "antlr4_python3_runtime-*.dist-info", "sympy", "mpmath")
COMPARER = "sandbox.guest.answers"
NUMBER_CHARS = 400  # longer ones are compared as text: exact arithmetic on them is not free
CLOSE = Fraction(1, 100)


class Verdict(StrEnum):
    """Undecided: the comparison did not end in time, or one side cannot be read."""

    EQUAL = "equal"
    DIFFERENT = "different"
    UNDECIDED = "undecided"


class AnswerChecker:
    """Compares answers; off the main thread, within Ray actors, from one event loop.

    The process with math-verify is started by the first pair that needs it, and every comparison is made in a forked
    child of it that is killed at its limit.
    """

    def __init__(self, settings: AnswerCheckerSettings | None = None) -> None:
        self._settings = settings or AnswerCheckerSettings()
        self._sandbox: Sandbox | None = None
        self._starting = asyncio.Lock()

    async def start(self) -> None:
        """Nothing costly happens before the first pair that needs math-verify."""

    async def close(self) -> None:
        """End the processes, if any were started."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is not None:
            await sandbox.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def check(self, expected: str, given: str) -> Verdict:
        """Compare the reference answer with a given one, with or without `\\boxed{}` or dollars around them.

        Raises SandboxUnavailable if math-verify is needed and nothing can be isolated on this host.
        """
        verdict = compare_plain(expected, given)
        if verdict is not None:
            return verdict
        if not self._settings.symbolic:
            return Verdict.DIFFERENT if read_number(normalise(expected)) is not None else Verdict.UNDECIDED
        if max(len(expected), len(given)) > self._settings.answer_chars:
            return Verdict.UNDECIDED
        return await self._compare_symbolically(expected, given)

    async def _compare_symbolically(self, expected: str, given: str) -> Verdict:
        sandbox = await self._started_sandbox()
        async with sandbox.session() as session:
            block = f"from {COMPARER} import same\nstr(same({normalise(expected)!r}, {normalise(given)!r}))"
            execution = await session.run(block)
        if execution.status is Status.SANDBOX_FAILURE:
            log.warning("answer check failed: %s", execution.error)
        return {"'True'": Verdict.EQUAL, "'False'": Verdict.DIFFERENT}.get(execution.value or "", Verdict.UNDECIDED)

    async def _started_sandbox(self) -> Sandbox:
        async with self._starting:
            if self._sandbox is None:
                sandbox = Sandbox(self._sandbox_settings())
                await sandbox.start()
                self._sandbox = sandbox
            return self._sandbox

    def _sandbox_settings(self) -> SandboxSettings:
        settings = self._settings
        return SandboxSettings(
            preload=(COMPARER,),
            packages=PACKAGES,
            max_concurrent_blocks=settings.max_concurrent_checks,
            block_wall_s=settings.check_wall_s,
            session_wall_s=settings.check_wall_s,
            memory_bytes=settings.memory_bytes,
            start_s=settings.start_s,
        )


def compare_plain(expected: str, given: str) -> Verdict | None:
    """The verdict where text and plain numbers settle it, else None. Takes time linear in the answers' length."""
    left, right = normalise(expected), normalise(given)
    if not right:
        return Verdict.DIFFERENT
    if left == right:
        return Verdict.EQUAL
    a, b = read_number(left), read_number(right)
    if a is None or b is None:
        return None
    if a == b:
        return Verdict.EQUAL
    if "." in left + right and abs(a - b) <= CLOSE * max(abs(a), Fraction(1)):
        return None  # a rounded decimal: math-verify has the tolerance
    return Verdict.DIFFERENT


def normalise(answer: str) -> str:
    """Without what stands around an answer: `\\boxed{}`, dollars, spaces, a full stop, LaTeX's thin spaces."""
    text = answer.strip()
    boxed = BOXED.fullmatch(text)
    if boxed is not None and _balanced(boxed.group(1)):
        text = boxed.group(1)
    for mark in ("$$", "$"):
        if (
            len(text) > 2 * len(mark)
            and text.startswith(mark)
            and text.endswith(mark)
            and text.count("$") == 2 * len(mark)
        ):
            text = text[len(mark) : -len(mark)]
    text = re.sub(r"\\(?:left|right)(?![a-zA-Z])", "", text)
    text = re.sub(r"\\!\s*", "", text).replace("\\,", " ")
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("−", "-")
    return text.strip().removesuffix(".").strip()


def read_number(text: str) -> Fraction | None:
    """The exact value of a plain integer, decimal or fraction, with or without commas between thousands, else None."""
    if len(text) > NUMBER_CHARS:
        return None
    found = NUMBER.fullmatch(text) or LATEX_FRACTION.fullmatch(text)
    if found is None:
        return None
    parts = found.groupdict()
    denominator = Fraction((parts["denominator"] or "1").replace(",", ""))
    if denominator == 0:
        return None
    value = Fraction(parts["numerator"].replace(",", "")) / denominator
    return -value if parts["sign"] == "-" else value


BOXED = re.compile(r"\\boxed\s*\{(.*)\}", re.DOTALL)
_UNSIGNED = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]*)?|\.[0-9]+"
NUMBER = re.compile(rf"(?P<sign>[-+]?)\s*(?P<numerator>{_UNSIGNED})(?:\s*/\s*(?P<denominator>[0-9]+))?")
LATEX_FRACTION = re.compile(r"(?P<sign>[-+]?)\s*\\frac\s*\{(?P<numerator>[0-9]+)\}\s*\{(?P<denominator>[0-9]+)\}")


def _balanced(text: str) -> bool:
    """Whether every brace that opens in `text` closes in it, and none closes before."""
    depth = 0
    for character in text:
        depth += (character == "{") - (character == "}")
        if depth < 0:
            return False
    return depth == 0
