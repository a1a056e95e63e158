"""Compare answers for the store, which cannot do so itself: the samplers' answer checker for synchronous callers."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from actors.attempts.attempt import OUTCOME_OF_VERDICT
from sandbox.equivalence import AnswerChecker, Verdict
from sandbox.settings import AnswerCheckerSettings
from store.records import Outcome, accepted_answers


class AnswerChecks:
    """Checks of answers against reference answers, cached by pair."""

    def __init__(self, runner: asyncio.Runner, checker: AnswerChecker) -> None:
        self._runner = runner
        self._checker = checker
        self._cache: dict[tuple[tuple[str, ...], str], Verdict] = {}

    def equal(self, expected: str, given: str) -> bool:
        """Whether two answers are equal; False if it cannot be decided."""
        return self._verdicts((expected,), [given])[0] is Verdict.EQUAL

    def can_read(self, answer: str) -> bool:
        """Whether answers that are written in another way can be compared with this one."""
        return self._runner.run(self._checker.can_read(answer))

    def outcomes(self, label: str, answers: Sequence[str]) -> Mapping[str, Outcome]:
        """The outcome of a rollout for each of the answers it may give."""
        verdicts = self._verdicts(accepted_answers(label), answers)
        return {answer: OUTCOME_OF_VERDICT[verdict] for answer, verdict in zip(answers, verdicts, strict=True)}

    def _verdicts(self, expected: tuple[str, ...], answers: Sequence[str]) -> list[Verdict]:
        new = [(expected, answer) for answer in dict.fromkeys(answers) if (expected, answer) not in self._cache]
        if new:
            self._cache |= zip(new, self._runner.run(self._checker.check_many(new)), strict=True)
        return [self._cache[expected, answer] for answer in answers]


@contextmanager
def open_answer_checks(settings: AnswerCheckerSettings) -> Iterator[AnswerChecks]:
    """Answer checks for the time of the context; its end stops the worker processes.

    Raises:
        SandboxUnavailable: within, at the first pair that needs algebra where nothing can be isolated.
        AnswerCheckFailed: within, if the checker's processes fail on a pair. The command can be repeated.
    """
    with asyncio.Runner() as runner:
        checker = AnswerChecker(settings)
        try:
            yield AnswerChecks(runner, checker)
        finally:
            runner.run(checker.close())
