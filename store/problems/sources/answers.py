"""Extraction of reference answers from the forms in which data sets store them."""

import re
from collections.abc import Callable, Mapping

from store.settings import AnswerForm

_WRAPPERS = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mbox|boxed)\s*\{|[\\${}()\[\].:!?\"'`*\s_-]")
NO_ANSWERS = frozenset(
    {
        "proof", "seeproof", "theproof", "proofgiven", "proofneeded", "proofrequired", "proveit",
        "notfound", "answernotfound", "n/a", "noanswer", "noanswergiven", "noanswerprovided", "noreferenceanswer",
        "seesolution", "seethesolution", "seeabove", "seebelow", "seeexplanation", "seetext", "seefigure",
        "null", "nan", "tbd", "todo", "missing",
    }
)  # fmt: skip
"""What data sets write where a problem has no answer; without spaces, punctuation and LaTeX around the words."""


def is_no_answer(answer: str) -> bool:
    """Whether a label says that there is no answer, such as `proof` or `\\text{(see solution)}`, or is empty."""
    words = _WRAPPERS.sub("", answer).casefold()
    return (not words and not answer.strip("$ \\").strip()) or words in NO_ANSWERS


class AnswerFormError(ValueError):
    """The text has no answer in the expected form."""


def extract_gsm8k(text: str) -> str:
    """The answer of a GSM8K solution, whose last line is e.g. `#### 1,200`: 1200."""
    _, mark, answer = text.rpartition("####")
    if not mark:
        raise AnswerFormError("it has no ####")
    return answer.strip().replace(",", "").removeprefix("$")


def extract_boxed(text: str) -> str:
    r"""The answer of a MATH solution: the text between the matching braces of the last `\boxed{}`."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        raise AnswerFormError("it has no \\boxed{}")
    opening = text.index("{", start)
    depth = 0
    for position in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[opening + 1 : position].strip()
    raise AnswerFormError("the brace of its \\boxed{ is never closed")


ANSWER_FORMS: Mapping[AnswerForm, Callable[[str], str]] = {
    "plain": str.strip,
    "gsm8k": extract_gsm8k,
    "boxed": extract_boxed,
}
