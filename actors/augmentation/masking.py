"""Numbers of a question that can become unknown, and the candidates that ask for them."""

import hashlib
import re
from collections import Counter
from dataclasses import dataclass

from actors.augmentation.candidates import candidate
from store.problems.sources.rows.answers import is_choice
from store.records import Problem

_UNKNOWNS = "xyzkn"
_NUMBER = re.compile(r"(?<![\w.,/^\\{:-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w^/{:]|[.,-]\d)")
"""A number by itself: not a part of a word, a fraction, a power, a time or a command of LaTeX."""


@dataclass(frozen=True, slots=True)
class Masked:
    """A problem whose question has an unknown in the place of a number."""

    problem: Problem
    question: str
    unknown: str
    number: str

    def candidate(self, question: str, method: str) -> Problem:
        """The candidate that asks for the number."""
        return candidate(self.problem, question, self.number, method)


def masked(problem: Problem) -> list[Masked]:
    """The problem with each of its numbers masked in turn, in an order that a hash fixes.

    Nothing for a problem with several accepted answers or with choices, nor for a number that comes twice.
    """
    answer = problem.answer.strip()
    unknown = next((letter for letter in _UNKNOWNS if not names(letter, problem.question + answer)), None)
    if unknown is None or len(problem.accepted_answers) != 1 or is_choice(problem.question, answer):
        return []
    found = list(_NUMBER.finditer(problem.question))
    counts = Counter(_value(one) for one in found)
    once = [one for one in found if counts[_value(one)] == 1]
    return [_mask(problem, one, unknown) for one in sorted(once, key=lambda one: _order(problem, one))]


def names(letter: str, text: str) -> bool:
    """Whether a text has a letter by itself."""
    return re.search(rf"\b{letter}\b", text) is not None


def _mask(problem: Problem, number: re.Match[str], unknown: str) -> Masked:
    question = f"{problem.question[: number.start()]}{unknown}{problem.question[number.end() :]}".rstrip()
    return Masked(problem, question, unknown, _value(number))


def _value(number: re.Match[str]) -> str:
    return number[0].replace(",", "")


def _order(problem: Problem, number: re.Match[str]) -> bytes:
    return hashlib.sha256(f"{problem.split_key} {number.start()}".encode()).digest()
