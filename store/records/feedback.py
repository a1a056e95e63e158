"""Feedback: what a server answered and what people say of it, kept for review."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from store.records.problems import ReviewStatus

INSTRUCTIONS = ("system", "developer")
"""Roles of messages that are no part of a question."""


@dataclass(frozen=True, slots=True)
class CollectedAnswer:
    """One choice of a completion, with the latest rating of it, if any.

    `answer` is the final answer in `content`. `right_answer` is what the rating says the answer should have been.
    """

    content: str
    answer: str | None
    finish_reason: str
    policy_version: int | None
    rating: Literal[1, -1] | None = None
    right_answer: str | None = None
    comment: str | None = None
    rated_at: float | None = None


@dataclass(frozen=True, slots=True)
class Completion:
    """A conversation that a server answered.

    `messages` have a role and a text each; `sampling` has the parameters of the request that decide what is sampled.
    """

    id: str
    model: str
    messages: tuple[Mapping[str, str], ...]
    sampling: Mapping[str, Any]
    created_at: float
    answers: tuple[CollectedAnswer, ...]

    @property
    def question(self) -> str:
        """The last message of the user."""
        return next(message["content"] for message in reversed(self.messages) if message["role"] == "user")

    @property
    def stands_alone(self) -> bool:
        """Whether the question is the whole conversation, apart from instructions, so that it can be a problem."""
        return sum(message["role"] not in INSTRUCTIONS for message in self.messages) == 1

    @property
    def proposed_answer(self) -> str | None:
        """The right answer according to the ratings: what one names, else the answer of a choice rated as correct."""
        named = [answer.right_answer for answer in self.answers if answer.right_answer]
        praised = [answer.answer for answer in self.answers if answer.rating == 1 and answer.answer]
        return next(iter([*named, *praised]), None)


@dataclass(frozen=True, slots=True)
class CollectedCompletion:
    """A stored completion with the decision on it. `problem_id` is the problem that it became, once accepted."""

    number: int
    completion: Completion
    status: ReviewStatus
    decided_by: str | None
    reason: str | None
    decided_at: float | None
    problem_id: str | None


class Rating(NamedTuple):
    """What somebody says of one choice of a completion. It replaces an earlier rating of the same choice."""

    completion_id: str
    choice: int
    rating: Literal[1, -1]
    right_answer: str | None = None
    comment: str | None = None
