"""Reference answers out of the forms that data sets keep them in."""

from collections.abc import Callable, Mapping

from store.settings import AnswerForm


class AnswerFormError(ValueError):
    """The text does not hold an answer in the form that was said."""


def after_hashes(text: str) -> str:
    """GSM8K: a solution whose last line is `#### 1,200`; gives 1200."""
    _, mark, answer = text.rpartition("####")
    if not mark:
        raise AnswerFormError("there is no #### in it")
    return answer.strip().replace(",", "").removeprefix("$")


def last_boxed(text: str) -> str:
    r"""MATH: a solution with its answer in the last `\boxed{}`; gives what stands between the matching braces."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start < 0:
        raise AnswerFormError("there is no \\boxed{} in it")
    opening = text.index("{", start)
    depth = 0
    for position in range(opening, len(text)):
        depth += {"{": 1, "}": -1}.get(text[position], 0)
        if depth == 0:
            return text[opening + 1 : position].strip()
    raise AnswerFormError("the brace of its \\boxed{ is never closed")


ANSWER_FORMS: Mapping[AnswerForm, Callable[[str], str]] = {
    "plain": str.strip,
    "gsm8k": after_hashes,
    "boxed": last_boxed,
}
