"""Compares two answers whose written forms do not decide. Imported by a warm parent inside the jail: sympy evaluates
what is read, so an answer that a model wrote is as dangerous as a block of code.
"""

import re
from functools import partial
from typing import Any

from sandbox.guest.answers.comparison import compare
from sandbox.guest.answers.expressions.sets import equal_sets, read_set
from sandbox.guest.answers.expressions.statements import Statement, compare_statements, read_statement
from sandbox.guest.answers.expressions.tokens import UnreadError, tokenize
from sandbox.guest.answers.lists import read_listing, read_rows
from sandbox.guest.answers.notation import final_answer

EQUAL, DIFFERENT = "equal", "different"
UNREAD = "unreadable: the reference is not read to its end"
DISAGREEMENT = "undecided: algebra does not confirm equal values"
_LETTER = re.compile(r"[a-zA-Z]")
_BRACED = 3  # tokens: the braces and one between them
_NUMERAL = re.compile(r"[0-9]+(?:\.[0-9]+)?")


def same(expected: str, given: str) -> str:
    """`equal`, `different`, or `undecided` or `unreadable` with the reason."""
    reasons: list[str] = []
    verdict = compare(final_answer(expected), final_answer(given), partial(compare_expressions, reasons=reasons))
    if verdict is None:
        return reasons[-1] if reasons else UNREAD
    return EQUAL if verdict else DIFFERENT


def readable(expected: str) -> bool:
    """Whether a reference is read to its end, so that answers in other forms can be compared with it."""
    text = final_answer(expected)
    return compare(text, text, lambda expected, given: _read(expected) is not None, by_text=False) is True


def compare_expressions(expected: str, given: str, reasons: list[str]) -> bool | None:
    """Compare what both texts say, if both are read to their last token. Appends the reason if that decides nothing.

    What is not read is never equal: it is different if the reference was read or is a list, since the policy then could
    have written a form that is read, or if the texts have different numbers in them; else the reference is unreadable.
    """
    if _LETTER.fullmatch(expected) and _LETTER.fullmatch(given):  # the name of a choice or of a point
        return expected.casefold() == given.casefold()
    left, right = _read(expected), _read(given)
    if left is None or right is None:
        if _same_tokens(expected, given):
            return True
        if left is not None or _is_compound(expected) or _numerals(expected) != _numerals(given):
            return False
        reasons.append(UNREAD)
        return None
    verdict = _compare(left, right)
    if verdict is None:
        reasons.append(DISAGREEMENT)
    return verdict


def _same_tokens(expected: str, given: str) -> bool:
    """Whether both texts have the same tokens, but for braces around a single one."""
    try:
        return _without_needless_braces(expected) == _without_needless_braces(given)
    except UnreadError:
        return False


def _without_needless_braces(text: str) -> list[str]:
    texts: list[str] = []
    for token in tokenize(text):
        texts.append(token.text)
        if token.text == "}" and len(texts) >= _BRACED and texts[-_BRACED] == "{":
            texts[-_BRACED:] = [texts[-2]]
    return _with_indices_renamed(texts)


def _with_indices_renamed(texts: list[str]) -> list[str]:
    """The index of a sum or product under one name, whatever it was called."""
    for position, command in enumerate(texts):
        match texts[position + 1 : position + 5]:
            case ["_", "{", index, "="] if command in (r"\sum", r"\prod"):
                texts = ["index" if text == index else text for text in texts]
    return texts


def _read(text: str) -> Any:
    """A statement, or a sympy set; None if neither is read to the end."""
    for read in (read_statement, read_set):
        try:
            return read(text)
        except UnreadError:
            continue
    return None


def _compare(left: Any, right: Any) -> bool | None:
    if isinstance(left, Statement) and isinstance(right, Statement):
        return compare_statements(left, right)
    if isinstance(left, Statement) or isinstance(right, Statement):
        return False
    return equal_sets(left, right)


def _is_compound(text: str) -> bool:
    """Whether `text` is a list or a matrix, whose form the other text then does not have."""
    return read_listing(text) is not None or read_rows(text) is not None


def _numerals(text: str) -> list[str]:
    return sorted(_NUMERAL.findall(text))


# The first use of each part of sympy imports and caches: do it once here, not in every child.
for _expected, _given in (
    (r"\frac{1}{2} x", "0.5 x"),
    (r"\sqrt{2} + x^2", r"\sqrt{2} - x^2"),
    (r"\tan^2 x + 1", r"\sec^2 x"),
    (r"\sqrt{3 + 2\sqrt{2}}", r"1 + \sqrt{2}"),
    (r"(1, 2] \cup (3, 4)", r"(1, 4) \setminus (2, 3]"),
    (r"x \geq 3y", "x + y = 4"),
    (r"\begin{pmatrix} 1 & x \end{pmatrix}", r"\begin{vmatrix} 1 & 2 \\ 3 & 4 \end{vmatrix}"),
    (r"\sqrt{3}", "1.7320"),
    (r"\sqrt{1/n}", r"\frac{1}{\sqrt{n}}"),
    (r"(-1)^n \ln n", r"\cos(n\pi)\ln n"),
):
    same(_expected, _given)
