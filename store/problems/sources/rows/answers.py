"""Extraction of reference answers from the forms in which data sets store them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from store.problems.sources.rows.fields import BadRowError, NoAnswerError, as_text
from store.records import make_label
from store.settings import AnswerForm

_SHOWN = 60  # characters of a label
_GROUPED = 30  # characters of a label by which rows are counted
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

_CHOICE = re.compile(r"(?:\\(?:text|textbf|mathrm|mathbf|mbox)\s*\{|[\s$(\[{])*([A-J])[\s$)\]}.:]*")


def is_no_answer(answer: str) -> bool:
    """Whether a label says that there is no answer, such as `proof` or `\\text{(see solution)}`, or is empty."""
    words = _WRAPPERS.sub("", answer).casefold()
    return (not words and not answer.strip("$ \\").strip()) or words in NO_ANSWERS


def is_choice(question: str, label: str) -> bool:
    """Whether a label is no more than the letter of one of at least two choices that the question lists."""
    letter = _CHOICE.fullmatch(label)
    return letter is not None and all(
        re.search(rf"(?:^|[\s({{\[]){name}\s*[).:\]}}]", question) for name in {"A", "B", letter[1]}
    )


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


def extract_sentence(text: str) -> str:
    """The answer of a solution that ends with a sentence of MetaMath's, e.g. `The answer is: 7`."""
    _, mark, answer = text.rpartition("The answer is:")
    if not mark:
        raise AnswerFormError('it has no "The answer is:"')
    return answer.strip()


def extract_any(text: str) -> str:
    r"""The last `\boxed{}`, else what follows the last `####`, else the text."""
    for extract in (extract_boxed, extract_gsm8k):
        try:
            return extract(text)
        except AnswerFormError:
            continue
    return text.strip()


ANSWER_FORMS: Mapping[AnswerForm, Callable[[str], str]] = {
    "plain": str.strip,
    "gsm8k": extract_gsm8k,
    "boxed": extract_boxed,
    "sentence": extract_sentence,
    "auto": extract_any,
}


def label_of(value: Any, field: str, form: AnswerForm, *, skip_no_answers: bool, lenient: bool) -> str:
    """The label in a field. A field with a list of answers accepts each of them.

    Raises:
        NoAnswerError: it is null, empty or, with `skip_no_answers`, says that there is none; with `lenient`, also if it
            does not have the form.
        BadRowError: it is neither a text nor a number, or does not have the form.
    """
    if value is None:
        raise NoAnswerError(f"{field!r} is null", "null")
    if isinstance(value, str) and not value.strip():
        raise NoAnswerError(f"{field!r} is empty", "empty")
    if isinstance(value, list | tuple) and not value:
        raise NoAnswerError(f"{field!r} is an empty list", "an empty list")
    values = value if isinstance(value, list | tuple) else [value]
    try:
        answers = [_answer(as_text(one, field), field, form) for one in values]
    except AnswerFormError as error:
        text = f'{field!r} does not have the form "{form}": {error}'
        raise (NoAnswerError(text, str(error)) if lenient else BadRowError(text)) from error
    for answer in answers:
        if skip_no_answers and is_no_answer(answer):
            raise NoAnswerError(f"{answer[:_SHOWN]!r} in {field!r} is no answer", repr(answer[:_GROUPED].casefold()))
    return make_label(answers)


def _answer(text: str, field: str, form: AnswerForm) -> str:
    answer = ANSWER_FORMS[form](text)
    if not answer:
        raise NoAnswerError(f"the answer in {field!r} is empty", "empty")
    return answer
