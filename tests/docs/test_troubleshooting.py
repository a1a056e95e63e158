"""The messages that the page on troubleshooting quotes are ones that the program prints."""

import re

import pytest

from .markdown import ROOT

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
FOLDERS = ("actors", "cluster", "learner", "sandbox", "store")


def messages() -> list[str]:
    """The first cell of each row of the first two tables, if it begins with a quotation; heads do not count."""
    part = PAGE[: PAGE.index("## It is slow")]
    return re.findall(r"^\| `([^`]+)`(?! says)", part, flags=re.MULTILINE)


@pytest.fixture(scope="module")
def source() -> str:
    """The program, with string literals of several lines joined."""
    files = (path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))
    text = "\n".join(path.read_text() for path in files)
    return re.sub(r'"\s*\n\s*f?"', "", text)


@pytest.mark.parametrize("message", messages())
def test_the_message_is_printed(message: str, source: str) -> None:
    assert message in source
