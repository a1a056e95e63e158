r"""Finds the boxes around answers: `\boxed{5}`, `\fbox{5}`, `\boxed 5`, with braces in them, and cut off."""

import re
from typing import NamedTuple

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![a-zA-Z])\s*")
_WITHOUT_BRACES = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)*(?:/[0-9]+)?|[a-zA-Z](?![a-zA-Z])")
_BRACE = re.compile(r"\\.|[{}]", re.DOTALL)  # an escaped brace is a character of the answer


class Box(NamedTuple):
    """A box from `start` to `end` in a text. `content` is None if the text ends before the box does."""

    start: int
    end: int
    content: str | None


def find_boxes(text: str) -> list[Box]:
    """The boxes of `text` in order, without those inside another; of a box in a box, the content of the inner one."""
    found: list[Box] = []
    end = 0
    for opening in _BOX.finditer(text):
        if opening.start() < end:
            continue
        box = _box_at(text, opening)
        if box is not None:
            found.append(box)
            end = box.end
            if box.content is None:
                break
    return found


def _box_at(text: str, opening: re.Match[str]) -> Box | None:
    start = opening.end()
    if not text.startswith("{", start):
        bare = _WITHOUT_BRACES.match(text, start)
        return Box(opening.start(), bare.end(), bare[0]) if bare else None
    close = closing_brace(text, start + 1)
    if close is None:
        return Box(opening.start(), len(text), None)
    return Box(opening.start(), close + 1, _innermost(text[start + 1 : close].strip()))


def _innermost(content: str) -> str:
    """The content of the box that is all of `content`, if it is one."""
    while (opening := _BOX.match(content)) and content.endswith("}"):
        box = _box_at(content, opening)
        if box is None or box.content is None or box.end != len(content):
            break
        content = box.content
    return content


def closing_brace(text: str, start: int) -> int | None:
    """The position of the brace that closes one opened before `start`; None if there is none."""
    depth = 1
    for brace in _BRACE.finditer(text, start):
        depth += (brace[0] == "{") - (brace[0] == "}")
        if depth == 0:
            return brace.start()
    return None
