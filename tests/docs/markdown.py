"""The Markdown files of the project: their code blocks and code spans."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

_FENCE = re.compile(
    r"^(?P<fence>`{3,})(?P<language>[\w-]*)[^\n]*\n(?P<text>.*?)^(?P=fence)\s*$", re.DOTALL | re.MULTILINE
)
_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


@dataclass(frozen=True)
class Snippet:
    """A code block or a code span, and where it is."""

    file: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def blocks(*languages: str) -> list[Snippet]:
    """The fenced code blocks in these languages."""
    return list(_blocks(languages))


def _blocks(languages: tuple[str, ...]) -> Iterator[Snippet]:
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match["language"] in languages:
                yield _snippet(file, text, match.start(), match["language"], match["text"])


def spans() -> Iterator[Snippet]:
    """Code within the prose."""
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        prose = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
        for match in _SPAN.finditer(prose):
            yield _snippet(file, prose, match.start(), "", " ".join(match[2].split()))


def _snippet(file: Path, text: str, start: int, language: str, content: str) -> Snippet:
    return Snippet(str(file.relative_to(ROOT)), text.count("\n", 0, start) + 1, language, content)
