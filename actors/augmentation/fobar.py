"""FOBAR: a number of a question becomes unknown, the answer is stated, and the number is asked for.

Forward-backward reasoning, Jiang et al. 2023 (arXiv 2308.07758), as MetaMath uses it (arXiv 2309.12284). No model is
needed, and the answer is the number. It need not follow from the rest, though: the number may not matter for the
answer, or several may lead to it. So attempts must confirm it.
"""

from collections.abc import Iterator

from actors.augmentation.masking import masked
from store.records import Problem

METHOD = "fobar"


def fobar(problem: Problem, most: int) -> Iterator[Problem]:
    """At most so many candidates out of a problem, one for each of its numbers; which ones is fixed by a hash."""
    for one in masked(problem)[:most]:
        question = (
            f"{one.question} If we know the answer to the above question is {problem.answer.strip()}, "
            f"what is the value of the unknown variable {one.unknown}?"
        )
        yield one.candidate(question, METHOD)
