"""FOBAR: a number of a question becomes unknown, the answer is stated, and the number is asked for.

Forward-backward reasoning, Jiang et al. 2023 (arXiv 2308.07758), as MetaMath uses it (arXiv 2309.12284). No model is
needed, and the answer is the number. It need not follow from the rest, though: the number may not matter for the
answer, or several may lead to it. So attempts must confirm it.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator

from store.problems.sources.rows.answers import is_choice
from store.problems.sources.rows.splitting import generate_id, question_key
from store.records import Problem, Split

METHOD = "fobar"
_UNKNOWNS = "xyzkn"
_NUMBER = re.compile(r"(?<![\w.,/^\\{:-])\d+(?:,\d{3})*(?:\.\d+)?(?![\w^/{:]|[.,-]\d)")
"""A number by itself: not a part of a word, a fraction, a power, a time or a command of LaTeX."""


def fobar(problem: Problem, most: int) -> Iterator[Problem]:
    """At most so many candidates out of a problem, one for each of its numbers; which ones is fixed by a hash.

    None are made of a problem with several accepted answers or with choices, nor for a number that comes twice.
    """
    answer = problem.answer.strip()
    unknown = next((letter for letter in _UNKNOWNS if not re.search(rf"\b{letter}\b", problem.question + answer)), None)
    if unknown is None or len(problem.accepted_answers) != 1 or is_choice(problem.question, answer):
        return
    found = list(_NUMBER.finditer(problem.question))
    counts = Counter(_value(one) for one in found)
    once = [one for one in found if counts[_value(one)] == 1]
    for number in sorted(once, key=lambda one: _order(problem, one))[:most]:
        yield _candidate(problem, number, unknown, answer)


def _candidate(problem: Problem, number: re.Match[str], unknown: str, answer: str) -> Problem:
    masked = f"{problem.question[: number.start()]}{unknown}{problem.question[number.end() :]}".rstrip()
    question = (
        f"{masked} If we know the answer to the above question is {answer}, "
        f"what is the value of the unknown variable {unknown}?"
    )
    source, key = f"{problem.source}+{METHOD}", question_key(question)
    return Problem(
        id=generate_id(source, key),
        question=question,
        answer=_value(number),
        source=source,
        split=Split.CANDIDATE,
        split_key=key,
        subject=problem.subject,
        level=problem.level,
        template_twins=problem.template_twins,
        parent_key=problem.split_key,
        made_by=METHOD,
    )


def _value(number: re.Match[str]) -> str:
    return number[0].replace(",", "")


def _order(problem: Problem, number: re.Match[str]) -> bytes:
    return hashlib.sha256(f"{problem.split_key} {number.start()}".encode()).digest()
