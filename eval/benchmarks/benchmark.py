"""The description of a benchmark: where its problems come from, how a row is read, which rules judge answers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from store.settings import AnswerForm

QUESTIONS: Sequence[tuple[str, ...]] = (("question",), ("problem",), ("input",), ("Problem",), ("Question",))
"""The fields of a question in the layouts that are in use; of each, the fields are joined by a space."""

ANSWERS: Sequence[tuple[str, AnswerForm]] = (
    ("answer", "auto"),
    ("Answer", "plain"),
    ("target", "plain"),
    ("result", "plain"),
    ("solution", "boxed"),
)
"""The fields of an answer in the layouts that are in use, and its form."""


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A public benchmark.

    Attributes:
        name: The name by which it is chosen.
        title: The name in tables.
        dataset: The id of its data set on the Hub, with `config` and `split`.
        size: The number of its problems there, None if it is not known.
        licence: The licence of the data set.
        citation: The publication that it comes from.
        rules: The rules of judging that apply, by name; the first is ours.
        aliases: Further names of its files and folders.
        questions: The alternatives for the question, of which a row has the first whose fields are all there.
        answers: The same for the answer, with its form.
        unit: Matches what is no part of an answer, such as a unit in brackets.
        left_out: Matches the answers of rows that are no part of the benchmark.
    """

    name: str
    title: str
    dataset: str
    size: int | None
    licence: str
    citation: str
    rules: tuple[str, ...]
    config: str | None = None
    split: str = "test"
    aliases: tuple[str, ...] = ()
    questions: Sequence[tuple[str, ...]] = QUESTIONS
    answers: Sequence[tuple[str, AnswerForm]] = ANSWERS
    unit: re.Pattern[str] | None = None
    left_out: re.Pattern[str] | None = None

    @property
    def source(self) -> str:
        """The data set with its configuration and split, on one line."""
        return " ".join(part for part in (self.dataset, self.config, self.split) if part)
