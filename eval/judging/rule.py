"""The interface of a rule of judging, and the algebra that rules may ask for."""

from typing import Protocol

from sandbox.relation import Relation


class Algebra(Protocol):
    """Relates expressions. `sandbox.equivalence.AnswerChecker` does, in the sandbox."""

    async def relate(self, left: str, right: str) -> Relation:
        """What algebra says of two expressions."""
        ...


class Rule(Protocol):
    """A rule that says whether an answer is right."""

    async def is_right(self, reference: str, answer: str) -> bool:
        """Whether `answer`, as a policy wrote it, is right where `reference` is. Undecided is not right."""
        ...
