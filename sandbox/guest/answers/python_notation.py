"""Rewrites what Python and sympy print as LaTeX: models that compute their answers often give them so."""

import re

_SYMBOLS = (
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])|π"), r"\\pi "),
    (re.compile(r"(?<![a-zA-Z\\])oo(?![a-zA-Z])|∞"), r"\\infty "),
    (re.compile(r"(?<=[0-9])\s*\*\s*[Ij](?![a-zA-Z])|(?<=[0-9])j(?![a-zA-Z0-9])"), "i"),
    (re.compile(r"√\s*([0-9]+|[a-zA-Z])"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![a-zA-Z\\])(sin|cos|tan|log|ln|exp)(?=\s*\()"), r"\\\1"),
)
_GROUPED = re.compile(r"(?:(?<![a-zA-Z\\])sqrt|√|(?<=\^))\s*\(")
_MATRIX = re.compile(r"(?:Matrix\(\s*)?\[\s*(\[[^\[\]]*\](?:\s*,\s*\[[^\[\]]*\])*)\s*\]\s*\)?")


def as_latex(text: str) -> str:
    """`text` with `**`, `sqrt()`, `pi`, `oo`, `√` and nested lists as LaTeX writes them."""
    rows = _MATRIX.fullmatch(text.strip())
    if rows is not None:
        cells = [row.replace(",", " & ") for row in re.findall(r"\[([^\[\]]*)\]", rows[1])]
        return as_latex(r"\begin{matrix}" + r" \\ ".join(cells) + r"\end{matrix}")
    for pattern, written in _SYMBOLS:
        text = pattern.sub(written, text)
    return _braced(text)


def _braced(text: str) -> str:
    """Roots and exponents in brackets, in braces instead."""
    start = 0
    while found := _GROUPED.search(text, start):
        close = _closing_bracket(text, found.end())
        if close is None:
            return text
        command = r"\sqrt" if found.group().strip(" (") else ""
        text = f"{text[: found.start()]}{command}{{{text[found.end() : close]}}}{text[close + 1 :]}"
        start = found.start() + len(command)
    return text


def _closing_bracket(text: str, start: int) -> int | None:
    depth = 1
    for position in range(start, len(text)):
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position
    return None
