"""When two attempts are the same solution: the same code but for names, comments and layout, and the same answer.

Parsing is dear, and many attempts are like no earlier one. So each gets a sketch, a hash of that part of it which any
way of writing the same has, and syntax trees are compared only where two of a problem have the same sketch.
"""

import hashlib
import io
import re
import tokenize
from collections.abc import Iterable, Sequence

from store.records import Segment, SegmentKind
from store.rollouts.normal_form import MAX_PARSED_CHARS, NO_PROGRAM, normalised_code

# A string up to its last quotes. These may be missing, or what opens many and closes none would be searched for each.
_SHORT = r"'[^'\\\n]*(?:\\.[^'\\\n]*)*"
_LONG = r"'''[^'\\]*(?:(?:\\.|'(?!''))[^'\\]*)*"
_SHORT_2, _LONG_2 = _SHORT.replace("'", '"'), _LONG.replace("'", '"')
_TEXT = re.compile(rf"{_LONG}(?:''')?|{_LONG_2}(?:\"\"\")?|{_SHORT}'?|{_SHORT_2}\"?|#[^\n]*", re.DOTALL)
_TEXT_AND_EXPONENTS = re.compile(rf"{_TEXT.pattern}|\b\d[\d_.]*[eE][+-]", re.DOTALL)  # takes four times as long
_SIGNED_EXPONENT = re.compile("[eE][+-]")
_FORMATTED = re.compile(f"[fF][rR]?(?:{_LONG}|{_LONG_2}|{_SHORT}|{_SHORT_2})", re.DOTALL)
# Not brackets, which a pattern of `match` may write either way, nor what only groups, separates or belongs to a number.
_OPERATORS = b"+-*/%@&|^~<>=!{}"
_OTHERS = bytes(set(range(256)) - set(_OPERATORS))


class Solution:
    """What an attempt says: its code blocks as one program, since they share their variables, else its words.

    Equal solutions have equal sketches. `sketch`: 8 bytes; most that differ in more than numbers have another.
    """

    __slots__ = ("_answer", "_is_code", "_text", "sketch")

    def __init__(self, segments: Sequence[Segment], answer: str | None) -> None:
        code = [segment.text for segment in segments if segment.kind is SegmentKind.CODE]
        self._is_code = bool(code)
        self._text = "\n".join(code) if code else _words(segments)
        self._answer = (answer or "").strip()
        says = operators(self._text) if code else self._text.encode("utf-8", "backslashreplace")
        says += b"\0" + self._answer.encode("utf-8", "backslashreplace")
        self.sketch = hashlib.blake2b(says, digest_size=8, key=b"code" if code else b"words").digest()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Solution):
            return NotImplemented
        if (self._answer, self._is_code) != (other._answer, other._is_code):
            return False
        if self._text == other._text:
            return True
        return self._is_code and normalised_code(self._text) == normalised_code(other._text)

    def get_ready(self) -> None:
        """Does now what a comparison with another text would do later."""
        if self._is_code:
            normalised_code(self._text)


def get_ready_to_compare(solutions: Iterable[tuple[str, Solution]]) -> None:
    """Parses those of (problem, solution) that have the sketch of another, and are not its very text, before anybody
    waits for it.
    """
    alike: dict[tuple[str, bytes], list[Solution]] = {}
    for problem_id, solution in solutions:
        alike.setdefault((problem_id, solution.sketch), []).append(solution)
    for some in alike.values():
        if any(solution._text != some[0]._text for solution in some):
            for solution in some:
                solution.get_ready()


def operators(source: str) -> bytes:
    """The operators of a program, sorted: keyword arguments may stand before or after `*arguments`."""
    if len(source) > MAX_PARSED_CHARS:
        return b""
    lines = source.replace("\r\n", "\n").replace("\r", "\n") if "\r" in source else source  # as the parser has them
    rest = _without_text(lines).encode("utf-8", "replace")
    return bytes(sorted(rest.translate(None, _OTHERS)))


def _without_text(source: str) -> str:
    """The source without its strings and comments, and without the sign of an exponent, which is no operator."""
    if _has_strings_in_strings(source):
        try:
            return _operators_by_tokens(source)
        except (tokenize.TokenError, *NO_PROGRAM):
            pass
    says_nothing = _TEXT_AND_EXPONENTS if _SIGNED_EXPONENT.search(source) else _TEXT
    return says_nothing.sub("", source)


def _has_strings_in_strings(source: str) -> bool:
    """Whether a formatted string may hold quotes like its own: they look like its end, where a brace is still open."""
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
