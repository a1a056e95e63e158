"""The interface of teachers, and the rollout that a demonstration is stored as."""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from actors.rollouts.codec import Codec
from actors.support import with_support
from sandbox.equivalence import AnswerChecker
from sandbox.interpreter import Sandbox
from store.records import ExecutionRecord, Outcome, Problem, Purpose, Rollout, SegmentKind

Turns = Sequence[tuple[str, str | None]]


class Teacher(Protocol):
    """Writes the solutions that the policy imitates before self-training.

    `skipped` counts, by reason, the solutions that `demonstrations` did not yield.
    """

    skipped: Counter[str]

    def texts(self, problems: Sequence[Problem]) -> list[str]:
        """Questions and solutions as text, to train a new tokenizer on."""
        ...

    def demonstrations(
        self, codec: Codec, sandbox: Sandbox, checker: AnswerChecker, problems: Sequence[Problem]
    ) -> AsyncIterator[tuple[Problem, Rollout]]:
        """Yield demonstrations whose answer is right, each with the problem that it solves.

        Args:
            codec: The codec of the policy that will be trained on them.
            sandbox: Runs the programs of a teacher that has not run them itself.
            checker: Compares answers.
            problems: All training problems.
        """
        ...


def demonstration(codec: Codec, problem: Problem, turns: Turns, executions: Sequence[ExecutionRecord] = ()) -> Rollout:
    """A written solution as an accepted rollout of no policy. Its id is a hash of the question and the solution."""
    encoded = codec.solution(problem.question, turns)
    answers = [segment.text for segment in encoded.segments if segment.kind is SegmentKind.ANSWER]
    rollout = Rollout(
        id=demonstration_id(problem.question, turns),
        problem_id=problem.id,
        purpose=Purpose.DEMONSTRATION,
        outcome=Outcome.ACCEPTED,
        solution_format=codec.format.name,
        prompt_ids=encoded.prompt_ids,
        token_ids=encoded.token_ids,
        model_mask=encoded.model_mask,
        segments=encoded.segments,
        executions=tuple(executions),
        answer=answers[-1] if answers else None,
    )
    return with_support(rollout, problem.question)


def demonstration_id(question: str, turns: Turns) -> str:
    """The id of the rollout that a written solution becomes."""
    written = "\x1f".join((question, *(part or "" for turn in turns for part in turn)))
    return f"demo-{hashlib.sha256(written.encode()).hexdigest()[:24]}"
