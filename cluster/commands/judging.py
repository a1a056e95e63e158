"""Compares answers for the store, which cannot by itself: as samplers do, but for callers that are no coroutines."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from sandbox.equivalence import AnswerChecker, Verdict
from sandbox.settings import AnswerCheckerSettings
from store.records import Outcome, accepted_answers

_OUTCOMES = {
    Verdict.EQUAL: Outcome.ACCEPTED,
    Verdict.DIFFERENT: Outcome.WRONG,
    Verdict.UNDECIDED: Outcome.UNVERIFIABLE,
}


class Verdicts:
    """What answers are worth by a reference answer; each pair is compared once."""

    def __init__(self, runner: asyncio.Runner, checker: AnswerChecker) -> None:
        self._runner = runner
        self._checker = checker
        self._known: dict[tuple[tuple[str, ...], str], Verdict] = {}

    def equal(self, expected: str, given: str) -> bool:
        """Whether they are the same; what cannot be decided is not."""
        return self._verdicts((expected,), [given])[0] is Verdict.EQUAL

    def judge(self, label: str, answers: Sequence[str]) -> Mapping[str, Outcome]:
        """The outcome of a rollout that gives each of the answers."""
        verdicts = self._verdicts(accepted_answers(label), answers)
        return {answer: _OUTCOMES[verdict] for answer, verdict in zip(answers, verdicts, strict=True)}

    def _verdicts(self, expected: tuple[str, ...], answers: Sequence[str]) -> list[Verdict]:
        new = [(expected, answer) for answer in dict.fromkeys(answers) if (expected, answer) not in self._known]
        if new:
            self._known |= zip(new, self._runner.run(self._checker.check_many(new)), strict=True)
        return [self._known[expected, answer] for answer in answers]


@contextmanager
def judging(settings: AnswerCheckerSettings) -> Iterator[Verdicts]:
    """Compares until the context ends, and ends the processes that it took.

    Raises:
        SandboxUnavailable: within, at the first pair that needs math-verify where nothing can be isolated.
    """
    with asyncio.Runner() as runner:
        checker = AnswerChecker(settings)
        try:
            yield Verdicts(runner, checker)
        finally:
            runner.run(checker.close())
