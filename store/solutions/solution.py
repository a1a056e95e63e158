"""Equality of solutions: the same code except for names, comments and layout, and the same answer.

Parsing is expensive, and most attempts resemble no earlier one. So each gets a sketch, a hash of features that do not
depend on how the same program is written, and syntax trees are compared only within a problem and sketch.
"""

import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Sequence

from store.records import Segment, SegmentKind
from store.solutions.normal_form import MAX_PARSED_CHARS, NO_PROGRAM, normalised_code

# A string without its closing quotes, which are optional below: else many unclosed quotes would take quadratic time.
_SHORT = r"'[^'\\\n]*(?:\\.[^'\\\n]*)*"
_LONG = r"'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*"
_SHORT_2, _LONG_2 = _SHORT.replace("'", '"'), _LONG.replace("'", '"')
_TEXT = re.compile(rf"{_LONG}(?:''')?|{_LONG_2}(?:\"\"\")?|{_SHORT}'?|{_SHORT_2}\"?|#[^\n]*", re.DOTALL)
_TEXT_AND_EXPONENTS = re.compile(rf"{_TEXT.pattern}|\b\d[\d_.]*[eE][+-]", re.DOTALL)  # takes four times as long
_SIGNED_EXPONENT = re.compile("[eE][+-]")
_FORMATTED = re.compile(f"[fF][rR]?(?:{_LONG}|{_LONG_2}|{_SHORT}|{_SHORT_2})", re.DOTALL)
# Without brackets, which are interchangeable in `match` patterns, and without grouping, separators and decimal points.
_OPERATORS = b"+-*/%@&|^~<>=!{}"
_OTHERS = bytes(set(range(256)) - set(_OPERATORS))


class Solution:
    """The content of an attempt: its code blocks as one program, since they share variables, or its prose if none.

    Equal solutions have equal sketches. `sketch` has 8 bytes; most solutions that differ in more than numbers have
    different ones.
    """

    __slots__ = ("_answer", "_is_code", "_text", "sketch")

    def __init__(self, segments: Sequence[Segment], answer: str | None) -> None:
        code = [segment.text for segment in segments if segment.kind is SegmentKind.CODE]
        self._is_code = bool(code)
        self._text = "\n".join(code) if code else _words(segments)
        self._answer = (answer or "").strip()
        features = operators(self._text) if code else self._text.encode("utf-8", "backslashreplace")
        features += b"\0" + self._answer.encode("utf-8", "backslashreplace")
        self.sketch = hashlib.blake2b(features, digest_size=8, key=b"code" if code else b"words").digest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Solution):
            return NotImplemented
        if (self._answer, self._is_code) != (other._answer, other._is_code):
            return False
        if self._text == other._text:
            return True
        return self._is_code and normalised_code(self._text) == normalised_code(other._text)

    def preparse(self) -> None:
        """Parse the code now, so that a later comparison finds the result in the cache."""
        if self._is_code:
            normalised_code(self._text)


def preparse_candidates(solutions: Iterable[tuple[str, Solution]]) -> None:
    """Parse those of (problem, solution) that share problem and sketch but not the text, before locks are held."""
    groups: dict[tuple[str, bytes], list[Solution]] = {}
    for problem_id, solution in solutions:
        groups.setdefault((problem_id, solution.sketch), []).append(solution)
    for group in groups.values():
        if any(solution._text != group[0]._text for solution in group):
            for solution in group:
                solution.preparse()


def operators(source: str) -> bytes:
    """The operators of a program, sorted, since keyword arguments can come before or after `*arguments`."""
    if len(source) > MAX_PARSED_CHARS:
        return b""
    lines = source.replace("\r\n", "\n").replace("\r", "\n") if "\r" in source else source  # as the parser reads them
    rest = _without_text(lines).encode("utf-8", "replace")
    return bytes(sorted(rest.translate(None, _OTHERS)))


def _without_text(source: str) -> str:
    """The source without strings, comments, and the signs of exponents, which are not operators."""
    if _has_strings_in_strings(source):
        try:
            return _operators_by_tokens(source)
        except (tokenize.TokenError, *NO_PROGRAM):
            pass
    ignored = _TEXT_AND_EXPONENTS if _SIGNED_EXPONENT.search(source) else _TEXT
    return ignored.sub("", source)


def _has_strings_in_strings(source: str) -> bool:
    """Whether an f-string may contain its own kind of quotes: they look like its end while a brace is open."""
    return any(string.count("{") != string.count("}") for string in _FORMATTED.findall(source))


def _operators_by_tokens(source: str) -> str:
    found: list[str] = []
    depth = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.FSTRING_START:
            depth += 1
        elif token.type == tokenize.FSTRING_END:
            depth -= 1
        elif token.type == tokenize.OP and not depth:
            found.append(token.string)
    return "".join(found)


def _words(segments: Sequence[Segment]) -> str:
    return " ".join(" ".join(segment.text for segment in segments).split())
