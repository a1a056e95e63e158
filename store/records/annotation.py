"""Annotation: the attempts of a teacher behind an API at problems, its turns, and what they cost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from store.records.problems import Problem
from store.records.rollouts import ExecutionRecord, Outcome, Segment


class RequestStatus(StrEnum):
    """What became of a request to a teacher.

    `reserved`: sent, or about to be; its reservation counts. `settled`: answered, and paid by its usage. `lost`: the
    response did not arrive, so that its reservation counts as spent. `refused`: answered with an error that costs
    nothing, or never sent.
    """

    RESERVED = "reserved"
    SETTLED = "settled"
    LOST = "lost"
    REFUSED = "refused"


class QuestionVerdict(StrEnum):
    """What a teacher's attempts say of a problem, once all of them have ended.

    `verified`: the label was reached, and no other answer by two attempts. `disputed`: two or more attempts agree on
    another answer than the label. `unsolved`: no attempt reached the label, and no two agree. Disputed and unsolved
    problems need a person.
    """

    VERIFIED = "verified"
    DISPUTED = "disputed"
    UNSOLVED = "unsolved"


class Amount(NamedTuple):
    """Money in millionths of a US dollar, and tokens of prompt and completion together."""

    microusd: int = 0
    tokens: int = 0


NOTHING = Amount()


class Spending(NamedTuple):
    """What a job has spent, and what it has reserved for requests that are under way."""

    spent: Amount = NOTHING
    reserved: Amount = NOTHING


UNSPENT = Spending()


class Reservation(NamedTuple):
    """A request that is about to be sent, with the most that it can cost. `id` is made by the caller and unique.

    `batch` is the key of the batch that it is part of, None if it is sent by itself.
    """

    id: str
    attempt_id: int
    turn: int
    most: Amount
    batch: str | None = None


class Usage(NamedTuple):
    """The tokens of an answered request; `cached` are those of the prompt that the server had in its cache."""

    prompt: int
    completion: int
    cached: int = 0

    @property
    def tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt + self.completion


@dataclass(frozen=True, slots=True)
class TeacherTurn:
    """One answer of a teacher, as it came (`reply` is JSON), and what was shown to the teacher in return.

    `shown` is the output of its code or a message about its call; None if nothing was shown yet, or nothing is to be.
    `execution` is set if code was run.
    """

    number: int
    reply: Mapping[str, Any]
    shown: str | None = None
    execution: ExecutionRecord | None = None


@dataclass(frozen=True, slots=True)
class TeacherAttempt:
    """One attempt of a job at a problem. `outcome` is None until it has ended."""

    id: int
    problem_id: str
    sample: int
    temperature: float
    outcome: Outcome | None = None
    answer: str | None = None
    turns: tuple[TeacherTurn, ...] = ()


@dataclass(frozen=True, slots=True)
class TeacherQuestion:
    """A training problem with the attempts of a job at it, in the order of their samples."""

    problem: Problem
    attempts: tuple[TeacherAttempt, ...]

    @property
    def is_done(self) -> bool:
        """Whether all attempts have ended."""
        return all(attempt.outcome is not None for attempt in self.attempts)


class QuestionPosition(NamedTuple):
    """A place in the fixed random order of problems."""

    shuffle_key: int
    problem_id: str


@dataclass(frozen=True, slots=True)
class QuestionFinding:
    """What a job found about a problem. `proposed` is the answer that `agreeing` attempts gave against the label."""

    problem_id: str
    verdict: QuestionVerdict
    verified: int
    proposed: str | None = None
    agreeing: int = 0
    cost: Amount = NOTHING


@dataclass(frozen=True, slots=True)
class WrittenSolution:
    """A solution as pairs of the teacher's text and the output after it; the output of the last pair is None."""

    turns: tuple[tuple[str, str | None], ...]
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class KeptSolution:
    """A verified solution that was kept, with its problem as it is now, and who wrote it."""

    attempt_id: int
    problem: Problem
    answer: str
    solution_format: str
    model: str
    solution: WrittenSolution
    executions: tuple[ExecutionRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class AnnotationJob:
    """A teacher with its prompt and parameters, at work on the problems of a store. `settings` is its provenance."""

    id: int
    key: str
    model: str
    settings: Mapping[str, Any]
    spending: Spending = UNSPENT


@dataclass(frozen=True, slots=True)
class AnnotationSummary:
    """A job in figures: attempts by outcome ("open" have none), problems by verdict, requests by status."""

    job: AnnotationJob
    attempts: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    kept: int = 0
    questions: Mapping[str, int] = field(default_factory=dict)
    requests: Mapping[str, int] = field(default_factory=dict)
