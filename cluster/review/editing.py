"""Running an edited solution: its code in the sandbox, its answer through the checker."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from actors.attempts.attempt import OUTCOME_OF_VERDICT
from actors.attempts.interaction import execution_record
from actors.formats import SolutionFormat, get_format
from actors.teachers.teacher import demonstration_id
from cluster.config.run_config import RunConfig
from sandbox.equivalence import AnswerChecker, Verdict
from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from store.records import (
    EditedSolution,
    ExecutionRecord,
    Outcome,
    Problem,
    Rollout,
    SegmentKind,
    accepted_answers,
    is_text,
)

MOST_CHARS = 50_000
_MOST_BLOCKS = 20

Turns = list[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Run:
    """What became of an edited solution. `faults` say why it is not right; without any, `edit` can be stored."""

    executions: Sequence[ExecutionRecord]
    turns: Turns
    answer: str | None
    faults: Sequence[str]
    edit: EditedSolution | None


class Workshop:
    """The sandbox and the answer checker of the application, started when they are first needed."""

    def __init__(self, config: RunConfig) -> None:
        self._config = config
        self._resources = AsyncExitStack()
        self._checker = AnswerChecker(config.answer_checker)
        self._sandbox: Sandbox | None = None
        self._starting = asyncio.Lock()

    async def close(self) -> None:
        """End all processes."""
        await self._resources.aclose()
        await self._checker.close()

    async def run(self, problem: Problem, format_name: str, text: str) -> Run:
        """Run the code of a solution from its first block to its last, and compare its answer with the label.

        What the text shows as the output of code is left out: each block is followed by what it prints now.

        Raises:
            SandboxUnavailable: nothing can be isolated on this host.
            AnswerCheckFailed: the checker's processes failed; the call can be repeated.
        """
        solution_format = get_format(format_name)
        text = text.replace("\r\n", "\n")
        if faults := _unusable(text):
            return Run((), [], None, faults, None)
        written = split_turns(solution_format, text)
        if len(written) > _MOST_BLOCKS + 1:
            return Run((), [], None, [f"It has more than {_MOST_BLOCKS} code blocks."], None)
        executions, turns = await self._execute(solution_format, written)
        faults = [
            f"Block {number} ended with {one.status}: {_last_line(one.stderr)}"
            for number, one in enumerate(executions, start=1)
            if one.status != Status.OK
        ]
        answer = solution_format.find_answer(turns[-1][0])
        faults += await self._judge(problem, answer)
        edit = None
        if not faults and answer is not None:
            edit = EditedSolution(text, turns, executions, answer, demonstration_id(problem.question, turns))
        return Run(executions, turns, answer, faults, edit)

    async def outcomes(self, label: str, answers: Sequence[str]) -> Mapping[str, Outcome]:
        """The outcome of a rollout for each of the answers it may give, by a label."""
        expected = accepted_answers(label)
        verdicts = await self._checker.check_many([(expected, answer) for answer in answers])
        return {answer: OUTCOME_OF_VERDICT[verdict] for answer, verdict in zip(answers, verdicts, strict=True)}

    async def _execute(
        self, solution_format: SolutionFormat, written: Sequence[str]
    ) -> tuple[list[ExecutionRecord], Turns]:
        executions: list[ExecutionRecord] = []
        turns: Turns = []
        most_chars = self._config.sampler.limits.max_output_chars
        if len(written) == 1:  # it has no code: nothing need be started
            return executions, [(written[0], None)]
        async with (await self._started()).session("review") as session:
            for turn in written[:-1]:
                source = solution_format.code_to_run(turn) or ""
                execution = await session.run(source)
                executions.append(execution_record(source, execution))
                turns.append((turn, execution.shown(most_chars)))
        return executions, [*turns, (written[-1], None)]

    async def _judge(self, problem: Problem, answer: str | None) -> list[str]:
        if answer is None:
            return ["It ends without an answer: the format writes it as \\boxed{...} or after 'Final Answer:'."]
        verdict = await self._checker.check(problem.accepted_answers, answer)
        expected = " or ".join(problem.accepted_answers)
        match verdict:
            case Verdict.EQUAL:
                return []
            case Verdict.DIFFERENT:
                return [f"Its answer {answer} differs from the reference answer {expected}."]
            case _:
                return [f"Its answer {answer} cannot be compared with the reference answer {expected}."]

    async def _started(self) -> Sandbox:
        async with self._starting:
            if self._sandbox is None:
                self._sandbox = await self._resources.enter_async_context(Sandbox(self._config.sandbox))
            return self._sandbox


def solution_text(rollout: Rollout) -> str:
    """A solution as it is edited: its prose and code, without what the code printed."""
    solution_format = get_format(rollout.solution_format)
    parts = []
    for segment in rollout.segments:
        if segment.kind is SegmentKind.TEXT:
            parts.append(segment.text)
        elif segment.kind is SegmentKind.CODE:
            parts.append(solution_format.fenced(segment.text))
    return "".join(parts)


def split_turns(solution_format: SolutionFormat, text: str) -> list[str]:
    """The turns of a written solution: each but the last ends with a code block."""
    text = solution_format.output_pattern.sub("", text.rstrip() + "\n")
    turns: list[str] = []
    position = 0
    marks = re.escape(solution_format.code_open), re.escape(solution_format.code_close)
    for block in re.finditer(rf"{marks[0]}.*?{marks[1]}[ \t]*\n", text, re.DOTALL):
        turns.append(text[position : block.end()])
        position = block.end()
    return [*turns, text[position:].rstrip("\n")]


def _unusable(text: str) -> list[str]:
    if len(text) > MOST_CHARS:
        return [f"It has more than {MOST_CHARS:,} characters."]
    return [] if is_text(text) else ["It has a character that cannot be stored, such as NUL."]


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "no message")
