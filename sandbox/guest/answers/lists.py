"""Parses compound answers: lists, tuples, sets, intervals, matrices, systems of equations."""

import re
from dataclasses import dataclass

_CONNECTIVE = re.compile(
    r",?\s*(?:\\(?:text|mbox|textrm|mathrm)\s*\{\s*,?\s*(?:and|or)\s*\}|(?<=\s)(?:and|or)(?=\s))\s*"
)
_OPENING, _CLOSING = "([{", ")]}"
_THOUSANDS = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_MATRIX = re.compile(
    r"\(?\s*\\begin\s*\{(?P<kind>[bp]?matrix|array|cases)\}(?:\s*\{[clr|\s]*\})?(?P<body>.*)\\end\s*\{(?P=kind)\}\s*\)?",
    re.DOTALL,
)
_DOTS = re.compile(r"\\(?:[lc]?dots|dotsc|dotsb)|\.\.\.|…")
_BARE_ROWS = re.compile(r"(?:\\[pb]?matrix\s*)?(?P<open>[(\[{]?)(?P<body>.*\\\\.*?)(?P<close>[)\]}]?)", re.DOTALL)
_MEMBER = re.compile(r"\s*[a-zA-Z](?:_\{?\w+\}?)?\s*\\in(?![a-z])\s*")
_PLUS_MINUS = re.compile(r"\\pm(?![a-zA-Z])|±")
_SET_BUILDER = re.compile(r"\|(?![^|]*\|)|\\mid|:")


@dataclass(frozen=True, slots=True)
class Listing:
    """The items of a list. `brackets` are empty for a bare list and `{}` for a set, both unordered."""

    brackets: str
    items: tuple[str, ...]

    @property
    def ordered(self) -> bool:
        """Whether the order counts: it does in tuples, points, vectors and intervals, not in sets and bare lists."""
        return self.brackets not in ("", "{}")

    @property
    def goes_on(self) -> bool:
        """Whether dots stand for items that are not written, so that the order counts."""
        return any(_DOTS.fullmatch(item) for item in self.items)


def read_listing(text: str, *, thousands: bool = False) -> Listing | None:
    """The items of `a, b`, `a and b`, `(a, b)`, `[a, b)` or `{a, b}`, else None. `thousands`: 1,000 is one number."""
    member = _MEMBER.match(text)
    text = text[member.end() if member else 0 :].strip()
    brackets, inside = _without_brackets(text)
    if thousands:
        inside = _THOUSANDS.sub("", inside)
    if brackets == "{}" and _SET_BUILDER.search(inside):
        return None
    items = _items(inside)
    if items is None:
        return None
    if not brackets or brackets == "{}":
        items = [variant for item in items for variant in both_signs(item) or [item]]
    if brackets in ("", "()") and len(items) < 2:
        return None
    return Listing(brackets, tuple(items))


def read_rows(text: str) -> tuple[str, list[list[str]]] | None:
    """The kind (`matrix` or `cases`) and the cells of a matrix or a system of equations, else None."""
    found = _MATRIX.fullmatch(text.strip())
    if found is None:
        return _bare_rows(text.strip())
    if r"\begin" in found["body"]:
        return None
    rows = [row for row in re.split(r"\\\\(?:\[[^\]]*\])?", found["body"]) if row.strip()]
    kind = "cases" if found["kind"] == "cases" else "matrix"
    return kind, [[cell.strip() for cell in row.split("&")] for row in rows]


def _bare_rows(text: str) -> tuple[str, list[list[str]]] | None:
    """The cells of rows with `&` and `\\\\` whose environment is not named, such as `(1 & 2 \\\\ 3 & 4)`."""
    found = _BARE_ROWS.fullmatch(text) if r"\\" in text and r"\begin" not in text else None
    if found is None or bool(found["open"]) is not bool(found["close"]):
        return None
    return "matrix", [[cell.strip() for cell in row.split("&")] for row in found["body"].split(r"\\") if row.strip()]


def _without_brackets(text: str) -> tuple[str, str]:
    """The brackets around all of `text`, and their content; a set's are `{}`, however they are written."""
    text = re.sub(r"\\([{}])", r"\1", text)
    text = re.sub(r"\\langle(?![a-z])", "(", re.sub(r"\\rangle(?![a-z])", ")", text)).strip()
    pair = text[:1] + text[-1:]
    if pair in ("()", "[]", "(]", "[)", "{}") and closes_at_end(text):
        return pair, text[1:-1].strip()
    return "", text


def without_round_brackets(text: str) -> str:
    """`text` without round brackets around all of it."""
    text = text.strip()
    while text[:1] + text[-1:] == "()" and closes_at_end(text):
        text = text[1:-1].strip()
    return text


def closes_at_end(text: str) -> bool:
    """Whether the bracket that opens at the start of `text` closes at its end."""
    depth = 0
    for position, character in enumerate(text):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth == 0:
            return position == len(text) - 1
    return False


def _items(text: str) -> list[str] | None:
    """Split at the strongest separator: `;` or `and` between groups of equal size, else at every separator."""
    marked = _CONNECTIVE.sub(";", text)
    groups = split_outside_brackets(marked, ";")
    if groups is None:
        return None
    inner = [split_outside_brackets(group, ",") or [] for group in groups]
    if len(groups) > 1 and len(inner[0]) > 1 and len({len(group) for group in inner}) == 1:
        return groups
    items = [item.strip() for group in inner for item in group if item.strip()]
    return items or None


def split_outside_brackets(text: str, separator: str) -> list[str] | None:
    """Split `text` at separators outside brackets; None if brackets are not balanced."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0:
            return None
        if character == separator and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    return [*parts, text[start:].strip()] if depth == 0 else None


def both_signs(text: str) -> list[str] | None:
    """The two values of a text with one plus-minus sign, else None."""
    if len(_PLUS_MINUS.findall(text)) != 1:
        return None
    return [_PLUS_MINUS.sub(sign, text).strip().removeprefix("+") for sign in "+-"]
