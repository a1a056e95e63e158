"""A teacher without a model: it has a program for some of reasoning-gym's arithmetic tasks."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import islice

from actors.attempts.interaction import execution_record
from actors.rollouts.codec import Codec
from actors.settings import ScriptedTeacherSettings
from actors.teachers.teacher import demonstration
from sandbox.equivalence import AnswerChecker, Verdict
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from store.records import Problem, Rollout

_NUMBER = re.compile(r"\d+")
_EXPRESSION = re.compile(r"-?\d+(?: [-+*] -?\d+)+")
_CONCURRENT_PROBLEMS = 16


class ScriptedTeacher:
    """Solves each training problem with one code block, which the sandbox runs.

    The reference answer is used only for comparison: a demonstration whose program prints another answer is skipped.
    """

    def __init__(self, settings: ScriptedTeacherSettings) -> None:
        self._count = settings.count
        self.skipped: Counter[str] = Counter()

    def texts(self, problems: Sequence[Problem]) -> list[str]:
        """Questions and solutions of the chosen problems, for a tokenizer."""
        return [
            f"Question: {p.question}\nSolution:\n```python\n{program(p)}\n```\n```output\n{p.answer}\n```\n"
            f"\\boxed{{{p.answer}}}"
            for p in self._choose(problems)
        ]

    async def demonstrations(
        self, codec: Codec, sandbox: Sandbox, checker: AnswerChecker, problems: Sequence[Problem]
    ) -> AsyncIterator[tuple[Problem, Rollout]]:
        """Run the programs of the chosen problems; yields those that print the right answer."""
        chosen = self._choose(problems)
        for start in range(0, len(chosen), _CONCURRENT_PROBLEMS):
            batch = chosen[start : start + _CONCURRENT_PROBLEMS]
            written = await asyncio.gather(*(self._solve(codec, sandbox, checker, problem) for problem in batch))
            for problem, rollout in zip(batch, written, strict=True):
                if rollout is None:
                    self.skipped["program does not print the answer"] += 1
                else:
                    yield problem, rollout

    def _choose(self, problems: Sequence[Problem]) -> list[Problem]:
        """The first `count` problems that have a program, taken round-robin from the tasks."""
        by_task: dict[str, list[Problem]] = {}
        for problem in problems:
            if program(problem) is not None:
                by_task.setdefault(problem.subject or "", []).append(problem)
        rounds = max((len(group) for group in by_task.values()), default=0)
        round_robin = (group[i] for i in range(rounds) for group in by_task.values() if i < len(group))
        return list(islice(round_robin, self._count))

    async def _solve(self, codec: Codec, sandbox: Sandbox, checker: AnswerChecker, problem: Problem) -> Rollout | None:
        code = program(problem)
        assert code is not None
        async with sandbox.session() as session:
            execution = await session.run(code)
        printed = execution.stdout.strip()
        if execution.status is not Status.OK:
            return None
        if await checker.check(problem.accepted_answers, printed) is not Verdict.EQUAL:
            return None
        fmt = codec.format
        turns = [(fmt.code_block(code), printed), (fmt.write_answer(printed), None)]
        return demonstration(codec, problem, turns, [execution_record(code, execution)])


def program(problem: Problem) -> str | None:
    """The code that solves a problem of a supported task, None for any other problem.

    The task is the problem's `subject`: reasoning-gym's name of the dataset.
    """
    write = _PROGRAMS.get(problem.subject or "")
    return write(problem.question) if write is not None else None


def _expression(question: str) -> str | None:
    found = _EXPRESSION.search(question)
    return f"print({found.group()})" if found else None


def _call(function: str) -> Callable[[str], str | None]:
    def write(question: str) -> str | None:
        numbers = _NUMBER.findall(question)
        return f"import math\nprint(math.{function}({', '.join(numbers)}))" if len(numbers) >= 2 else None

    return write


def _count_bits(question: str) -> str | None:
    numbers = _NUMBER.findall(question)
    return f"print(bin({numbers[-1]}).count('1'))" if numbers else None


_PROGRAMS: dict[str, Callable[[str], str | None]] = {
    "products": _expression,
    "chain_sum": _expression,
    "gcd": _call("gcd"),
    "lcm": _call("lcm"),
    "count_bits": _count_bits,
}
