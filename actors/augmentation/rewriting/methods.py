"""What a teacher is asked to write, and the candidate that comes of its text: MetaMath's methods that need a model.

Yu et al. 2023 (arXiv 2309.12284). Whether the label still holds is not known here: attempts must confirm it.
"""

from dataclasses import dataclass
from typing import Protocol

from actors.augmentation.candidates import candidate
from actors.augmentation.masking import masked, names
from store.problems.sources.rows.answers import is_choice
from store.problems.sources.rows.splitting import question_key
from store.records import Problem, is_text

_LONGEST = 4  # times the length of the original; more is an essay, not a question
_SPARE_CHARS = 400


class Rewriting(Protocol):
    """A method. `sample` numbers the attempts at a problem from 0."""

    @property
    def name(self) -> str:
        """Its name, which candidates bear as the method that made them."""
        ...

    def ask(self, problem: Problem, sample: int) -> str | None:
        """What the teacher is told of a problem, None if this attempt has nothing to ask for."""
        ...

    def made(self, problem: Problem, sample: int, text: str) -> Problem | None:
        """The candidate that the teacher's text makes, None if it cannot be used."""
        ...


@dataclass(frozen=True, slots=True)
class Rephrasing:
    """The question in other words; its label is that of the original."""

    name: str = "rephrase"

    def ask(self, problem: Problem, sample: int) -> str | None:
        """The question. Choices are not rephrased: their letters are the label."""
        return None if is_choice(problem.question, problem.answer) else problem.question.strip()

    def made(self, problem: Problem, sample: int, text: str) -> Problem | None:
        """The text as a question, unless it is the original."""
        question = _cleaned(text, problem)
        if question is None or question_key(question) == problem.split_key:
            return None
        return candidate(problem, question, problem.answer, self.name)


@dataclass(frozen=True, slots=True)
class SelfVerification:
    """The question and its answer as a statement with an unknown in the place of a number, which is asked for.

    After Weng et al. 2022 (arXiv 2212.09561). Each attempt masks another number; which ones is fixed by a hash.
    """

    name: str = "self_verify"

    def ask(self, problem: Problem, sample: int) -> str | None:
        """The masked question with the answer to the original one."""
        found = masked(problem)
        if sample >= len(found):
            return None
        return f"Question: {found[sample].question}\nAnswer: {problem.answer.strip()}"

    def made(self, problem: Problem, sample: int, text: str) -> Problem | None:
        """The statement, followed by the question for the unknown; None if it does not name the unknown."""
        one, statement = masked(problem)[sample], _cleaned(text, problem)
        if statement is None or not names(one.unknown, statement):
            return None
        if statement.endswith("?"):  # it still asks for something else
            return None
        return one.candidate(f"{statement} What is the value of the unknown variable {one.unknown}?", self.name)


METHODS: dict[str, Rewriting] = {one.name: one for one in (Rephrasing(), SelfVerification())}


def _cleaned(text: str, problem: Problem) -> str | None:
    """A teacher's text without marks around it, None if there is none or far too much."""
    lines = [line for line in text.strip().strip("`").strip().splitlines() if line.strip()]
    cleaned = "\n".join(lines).strip().strip('"').strip()
    for label in ("Rewritten question:", "Rephrased question:", "Question:", "Statement:"):
        if cleaned.lower().startswith(label.lower()):
            cleaned = cleaned[len(label) :].strip()
    longest = _LONGEST * len(problem.question) + _SPARE_CHARS
    return cleaned if cleaned and is_text(cleaned) and len(cleaned) <= longest else None
