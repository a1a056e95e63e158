"""Converts what Python and sympy print to LaTeX: models that compute their answers often copy that."""

import re
from collections.abc import Callable, Sequence

from sandbox.guest.answers.lists import split_outside_brackets
from sandbox.guest.answers.sympy_sets import as_latex_set

_SYMBOLS = (
    (re.compile(r"\*\*"), "^"),
    (re.compile(r"(?<![a-zA-Z\\])pi(?![a-zA-Z])|π"), r"\\pi "),
    (re.compile(r"(?<![a-zA-Z\\])(?:oo|inf|infinity)(?![a-zA-Z])|∞"), r"\\infty "),
    (re.compile(r"\*\s*[Ij](?![a-zA-Z])|(?<=[0-9])j(?![a-zA-Z0-9])"), "i"),
    (re.compile(r"(?<![a-zA-Z\\])I\s*\*(?!\*)|\A\s*I\s*\Z|(?<=[-+])\s*I(?=\s*(?:[-+]|\Z))"), "i"),
    (re.compile(r"(?<![a-zA-Z0-9.\\])E(?=\s*[-+\^*/])|(?<=[-+*/])\s*E(?![a-zA-Z0-9])"), "e"),
    (re.compile(r"√\s*([0-9]+|[a-zA-Z])"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![a-zA-Z\\])(sin|cos|tan|ln|exp)(?=\s*\(|\s+[0-9])"), r"\\\1"),
    (re.compile(r"(?<![a-zA-Z\\])log(?=\s+[0-9])"), r"\\log"),
    (re.compile(r"(?<![a-zA-Z\\])sqrt\s+([0-9]+)"), r"\\sqrt{\1}"),
    (re.compile(r"(?<![a-zA-Z\\])a(?:rc)?(sin|cos|tan)(?=\s*\()"), r"\\arc\1"),
    (re.compile(r"(?<=[\])])\s*U\s*(?=[\[(])|∪"), r" \\cup "),
)
_SCIENTIFIC = re.compile(
    r"(?<![a-zA-Z0-9.\\_])([0-9]+(?:\.[0-9]+)?)[eE]([-+]?[0-9]{1,3})(?=i(?![a-zA-Z])|(?![0-9a-zA-Z.]))"
)
_NUMPY_SCALAR = re.compile(r"(?<![a-zA-Z])np\.[a-z]+[0-9]*_?\(([^()]*)\)")
_ARRAY = re.compile(r"(?:array\(\s*)?(\[[\[\]0-9.,\s+\-eE]*\])\s*\)?")
_BETWEEN_NUMBERS = re.compile(r"(?<=[0-9.\]])\s+(?=[-+.0-9\[])")
_MATRIX = re.compile(r"(?:Matrix\(\s*)?\[\s*(\[[^\[\]]*\](?:\s*,\s*\[[^\[\]]*\])*)\s*\]\s*\)?")
_MAPPING = re.compile(r"\{\s*([a-zA-Z]\w*\s*:[^{}:]*(?:,\s*[a-zA-Z]\w*\s*:[^{}:]*)*)\}")
_CALL = re.compile(r"(?:(?<![a-zA-Z\\])(?P<name>[a-zA-Z]+)|(?P<root>√)|(?<=\^))\s*\(")
_WRITTEN: dict[str, Callable[..., str]] = {  # by name and number of arguments
    "sqrt/1": lambda x: rf"\sqrt{{{x}}}",
    "cbrt/1": lambda x: rf"\sqrt[3]{{{x}}}",
    "root/2": lambda x, n: rf"\sqrt[{n}]{{{x}}}",
    "Abs/1": lambda x: f"|{x}|",
    "abs/1": lambda x: f"|{x}|",
    "floor/1": lambda x: rf"\lfloor {x}\rfloor ",
    "ceiling/1": lambda x: rf"\lceil {x}\rceil ",
    "ceil/1": lambda x: rf"\lceil {x}\rceil ",
    "Integer/1": lambda n: n,
    "Float/1": lambda x: x,
    "Decimal/1": lambda x: x.strip("'\""),
    "factorial/1": lambda n: f"({n})!",
    "binomial/2": lambda n, k: rf"\binom{{{n}}}{{{k}}}",
    "Rational/2": lambda p, q: rf"\frac{{{p}}}{{{q}}}",
    "Fraction/2": lambda p, q: rf"\frac{{{p}}}{{{q}}}",
    "Eq/2": lambda left, right: f"{left} = {right}",
    "log/2": lambda x, base: rf"\log_{{{base}}}({x})",
    "/1": lambda exponent: f"{{{exponent}}}",
}


def as_latex(text: str, *, log: str = r"\ln") -> str:
    r"""Rewrite `**`, `sqrt()` and other calls, `pi`, `oo`, `√`, sets and nested lists in `text` as LaTeX.

    `log`: the command for Python's `log`, the natural logarithm; `\log` if the text it is compared with uses that.
    """
    text = _NUMPY_SCALAR.sub(r"\1", text)
    array = _ARRAY.fullmatch(text.strip())
    if array is not None:  # numpy prints spaces and new lines where Python's lists have commas
        text = _BETWEEN_NUMBERS.sub(", ", array[1])
    rows = _MATRIX.fullmatch(text.strip())
    if rows is not None:
        cells = [row.replace(",", " & ") for row in re.findall(r"\[([^\[\]]*)\]", rows[1])]
        return as_latex(r"\begin{matrix}" + r" \\ ".join(cells) + r"\end{matrix}", log=log)
    values = _MAPPING.fullmatch(text.strip())
    if values is not None:
        return as_latex(values[1].replace(":", " ="), log=log)
    for pattern, written in _SYMBOLS:
        text = pattern.sub(written, text)
    text = _SCIENTIFIC.sub(lambda found: rf"{found[1]} \times 10^{{{int(found[2])}}}", text)
    text = _convert_calls(text, log)
    return as_latex_set(text) or text


def _convert_calls(text: str, log: str) -> str:
    """Rewrite calls and bracketed exponents, nested ones too, as LaTeX's commands and braces."""
    start = 0
    while found := _CALL.search(text, start):
        close = _closing_bracket(text, found.end())
        if close is None:
            return text
        name = "sqrt" if found["root"] else found["name"] or ""
        written = _convert_call(name, text[found.end() : close], log)
        if written is None:
            start = found.end()
            continue
        text = f"{text[: found.start()]}{written}{text[close + 1 :]}"
        start = found.start() + 1
    return text


def _convert_call(name: str, inside: str, log: str) -> str | None:
    arguments: Sequence[str] = split_outside_brackets(inside, ",") or []
    if name == "log" and len(arguments) == 1:
        return f"{log}({inside})"
    write = _WRITTEN.get(f"{name}/{len(arguments)}")
    return None if write is None else write(*arguments)


def _closing_bracket(text: str, start: int) -> int | None:
    depth = 1
    for position in range(start, len(text)):
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position
    return None
