"""Compares two answers with math-verify. Imported by a warm parent inside the jail: sympy's parser evaluates what it
parses, so an answer, which a model wrote, is as dangerous as a block of code.
"""

import logging

from math_verify import parse, verify

logging.disable(logging.CRITICAL)


def same(expected: str, given: str) -> bool | None:
    """Whether the answers are equal; None if one of them cannot be read."""
    golds, targets = _read(expected), _read(given)
    if not golds or not targets:
        return None
    return bool(verify(golds, targets, timeout_seconds=None, raise_on_error=True))


def _read(answer: str) -> list[object]:
    """math-verify finds LaTeX between dollars or in a box, and plain expressions anywhere."""
    text = answer if "$" in answer or "\\boxed" in answer else f"${answer}$"
    read: list[object] = parse(text, parsing_timeout=None)
    return read


# The first parse builds the grammar's tables: once here, not in every child.
for _expected, _given in (
    (r"\frac{1}{2}", "0.5"),
    (r"\{1, 2\}", r"\sqrt{2} + x^2"),
    ("(1, 2]", r"\begin{pmatrix} 1 \\ 2 \end{pmatrix}"),
    (r"x \geq 3", "x = 4"),
    ("5%", r"12\text{ cm}"),
):
    same(_expected, _given)
