"""An attempt of a job with its problem."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from store.records import Problem, TeacherAttempt, TeacherQuestion, TeacherTurn


@dataclass(frozen=True, slots=True)
class Work:
    """An attempt with its problem."""

    problem: Problem
    attempt: TeacherAttempt

    def with_turn(self, turn: TeacherTurn) -> "Work":
        """The attempt after one more turn."""
        return Work(self.problem, replace(self.attempt, turns=(*self.attempt.turns, turn)))


def open_attempts(page: Iterable[TeacherQuestion]) -> Iterator[Work]:
    """The attempts of a page that have no outcome."""
    for question in page:
        for attempt in question.attempts:
            if attempt.outcome is None:
                yield Work(question.problem, attempt)
