"""Strips the markup around an answer without changing its meaning. Every function is linear in its input."""

import re
from functools import lru_cache

from sandbox.guest.answers.boxes import find_boxes

_CONTROL = {"\f": r"\f", "\b": r"\b", "\a": r"\a"}  # from a backslash parsed as an escape: \frac, \begin, \alpha
_TEXT_COMMAND = re.compile(r"\\(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mbox)\s*\{([^{}\\]*)\}")
_SENTENCE = re.compile(r"\\text\{\s*([^{}\\$]*[^{}\\$\s][, ][^{}\\$]*)\}")
_SIGNS = {
    "−": "-", "²": "^2", "³": "^3", "½": r"\frac{1}{2}", "¼": r"\frac{1}{4}", "¾": r"\frac{3}{4}",
    r"\cent": " cents", "¢": " cents",
}  # fmt: skip
_ARGUMENT = r"\s*(\\sqrt\s*\{[^{}]*\}|\\(?!frac|sqrt)[a-zA-Z]+|[0-9a-zA-Z])"
_GROUP = r"\s*(\{(?:[^{}]|\{[^{}]*\})*\})"
_BARE_NUMERATOR = re.compile(rf"\\frac{_ARGUMENT}")
_BARE_DENOMINATOR = re.compile(rf"\\frac{_GROUP}{_ARGUMENT}")
_BARE_ROOT = re.compile(r"\\sqrt\s*(\\(?!frac|sqrt)[a-zA-Z]+)")
_PRIMES = re.compile(r"\s*\^\s*(?:\{\s*\\prime\s*\}|\\prime(?![a-zA-Z]))|′")
_DOTS = re.compile(r"\\(?:c?dots[cbmio]?|ldots)(?![a-zA-Z])|\.\.\.|…")
_BOLD_SET = re.compile(r"\\(?:mathbf|Bbb|mathds)\s*\{?\s*([NZQRC])\s*\}?(?![a-zA-Z])")
_DOTTED = re.compile(r"(?<=[0-9.])\\dot\s*\{?([0-9])\}?(?:([0-9]*)\\dot\s*\{?([0-9])\}?)?")
_COMMA_GROUP = re.compile(r"\s?\{,\s*\}\s?")
_DASHED = re.compile(r"(?<![\w)}\]])\s?–(?=[0-9.\\])")  # not between two numbers, where it means a range
_JOINER = re.compile(r"(?:[^\w.。\n]*\w+){0,4}[^\w.。\n]*")
_JOINER_CHARS = 40
_CACHED_ANSWERS, _CACHED_CHARS = 4096, 200
_NAME_BEFORE = re.compile(r"(?<![a-zA-Z\\])([a-zA-Z](?:_\{?\w+\}?)?)\s*=\s*\$?\s*\Z")


def normalise(answer: str) -> str:
    """Strip the box or dollars around an answer, LaTeX's spacing and sizes, and a full stop at the end."""
    text = _repaired(answer).strip()
    text = _without_dollars(_without_box(_without_dollars(_without_emphasis(text))))
    text = re.sub(r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])", "", text)
    text = re.sub(r"\\!\s*", "", text)
    text = re.sub(r"\\[,;:]|(?<!\\)\\ |\\q?quad|~|\u00a0|\u2009", " ", text)
    text = _with_arguments(re.sub(r"\\[dtc]frac(?![a-zA-Z])", r"\\frac", text))
    text = re.sub(r"\\(?:[lr]?vert|mid)(?![a-zA-Z])\s?", "|", text)
    text = re.sub(r"\\cr(?![a-zA-Z])", r"\\\\", text)
    text = _BOLD_SET.sub(r"\\mathbb{\1}", text)
    text = _DOTTED.sub(r"\\overline{\1\2\3}", text)
    text = _DOTS.sub(r"\\ldots ", _PRIMES.sub("'", _COMMA_GROUP.sub(",", text)))
    for sign, written in _SIGNS.items():
        text = text.replace(sign, written)
    text = _DASHED.sub("-", text)
    text = re.sub(r"[ \t]{2,}", " ", text)
    text = text.strip().rstrip("\\").strip().removesuffix(".").strip()
    sentence = _SENTENCE.fullmatch(text)  # several words or a list of words in one \text{}
    return sentence[1].strip() if sentence else text


def final_answer(answer: str) -> str:
    """The normalised answer; of a text with boxes, their content, joined by commas if one phrase has several."""
    return _cached_final_answer(answer) if len(answer) <= _CACHED_CHARS else _final_answer(answer)


def _final_answer(answer: str) -> str:
    text = normalise(answer)
    last = _last_boxes(text)
    return ", ".join(normalise(content) for content in last) if last else text


# Attempts at a problem have one reference, and many the same answer.
_cached_final_answer = lru_cache(_CACHED_ANSWERS)(_final_answer)


def plain_text(text: str) -> str:
    """`text` with the content of its `\\text{}` and similar commands, and single spaces."""
    previous = None
    while previous != text and len(text) < 10_000:
        previous, text = text, _TEXT_COMMAND.sub(r" \1 ", text)
    return " ".join(re.sub(r"(?<!\\)\$", " ", text).split())


def _with_arguments(text: str) -> str:
    r"""`\frac{\pi}{2}` for `\frac\pi2` and the like: TeX accepts a single token as an argument, parsers may not."""
    text = _BARE_NUMERATOR.sub(r"\\frac{\1}", text)
    text = _BARE_DENOMINATOR.sub(r"\\frac\1{\2}", text)
    return _BARE_ROOT.sub(r"\\sqrt{\1}", text)


def _repaired(text: str) -> str:
    for control, written in _CONTROL.items():
        text = text.replace(control, written)
    if not re.search(r"\\begin|\\\\\s|\n", text):  # in those a double backslash ends a row
        text = re.sub(r"\\\\(?=[a-zA-Z!,;:])", r"\\", text)
    return text


def _without_box(text: str) -> str:
    """The content of the box that is all of `text`."""
    boxes = find_boxes(text) if text.startswith("\\") else []
    whole = len(boxes) == 1 and (boxes[0].start, boxes[0].end) == (0, len(text))
    return (boxes[0].content or "") if whole and boxes[0].content else text


def _without_emphasis(text: str) -> str:
    """Strip Markdown's asterisks or backticks around all of `text`."""
    for mark in ("**", "`"):
        inside = text.removeprefix(mark).removesuffix(mark)
        if len(text) == len(inside) + 2 * len(mark) and inside.strip() and mark not in inside:
            return inside.strip()
    return text


def _without_dollars(text: str) -> str:
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]")):
        size = len(opening)
        inside = text[size:-size].strip()
        if text.startswith(opening) and text.endswith(closing) and inside and opening not in inside:
            return inside
    return text


def _last_boxes(text: str) -> list[str]:
    """The content of the last box, preceded by that of earlier boxes with only a few words between them.

    If the last box is cut off, there is no answer in an earlier one; one that is all of the text ends with it. Several
    boxes keep the names before them.
    """
    contents: list[str] = []
    names: list[str] = []
    end = 0
    for box in find_boxes(text):
        if box.content is None:
            return [text[text.index("{", box.start) + 1 :]] if box.start == 0 else [""]
        if contents and not _joins(text[end : min(box.start, end + _JOINER_CHARS + 1)]):
            contents, names = [], []
        contents.append(box.content)
        names.append(_named_before(text[end : box.start]))
        end = box.end
    return contents if len(contents) == 1 else [name + content for name, content in zip(names, contents, strict=True)]


def _named_before(text: str) -> str:
    """`x = ` if that stands right before a box, so that several boxes keep what each is the value of."""
    found = _NAME_BEFORE.search(text)
    return f"{found[1]} = " if found else ""


def _joins(between: str) -> bool:
    return len(between) <= _JOINER_CHARS and bool(_JOINER.fullmatch(between))
