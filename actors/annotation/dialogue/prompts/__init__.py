"""Prompts of teachers: one file for each solution format and way to call the interpreter, or a file of the user."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

from actors.annotation.settings import AnnotationSettings

_MAX_BLOCKS = "{max_blocks}"


class PromptError(ValueError):
    """A prompt or a file of examples cannot be used; the message names the file, the line and what is expected."""


@dataclass(frozen=True, slots=True)
class Example:
    """A question with a written solution in the format of the run."""

    question: str
    solution: str


@dataclass(frozen=True)
class Prompt:
    """What a teacher reads before a question: the instruction, and examples."""

    instruction: str
    examples: tuple[Example, ...] = ()

    @cached_property
    def digest(self) -> str:
        """A hash of all of it."""
        parts = [self.instruction, *(text for one in self.examples for text in (one.question, one.solution))]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def load_prompt(settings: AnnotationSettings, prompt: Path | None = None, examples: Path | None = None) -> Prompt:
    """The prompt in a file, or ours for the format; with the examples of a file, if there is one.

    `{max_blocks}` in a prompt stands for the setting of this name.

    Raises:
        PromptError: a file cannot be read, is empty, or has a line that is no example.
    """
    name = f"{settings.solution_format}{'.tools' if settings.calls == 'tools' else ''}.txt"
    text = files(__package__).joinpath(name).read_text(encoding="utf-8") if prompt is None else read_prompt(prompt)
    instruction = text.strip().replace(_MAX_BLOCKS, str(settings.max_blocks))
    return Prompt(instruction, () if examples is None else tuple(_examples(examples)))


def read_prompt(path: Path) -> str:
    """The instruction in a file. Raises `PromptError` if it cannot be read or is empty."""
    text = _read(path).strip()
    if not text:
        raise PromptError(f"prompt {path} is empty: write an instruction for the teacher into it")
    return text


def _examples(path: Path) -> list[Example]:
    lines = [(number, line) for number, line in enumerate(_read(path).split("\n"), 1) if line.strip()]
    if not lines:
        raise PromptError(f"examples {path} is empty: expected one JSON object per line")
    return [_example(f"examples {path}, line {number}", line) for number, line in lines]


def _example(where: str, line: str) -> Example:
    try:
        row: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise PromptError(f"{where}: not JSON ({error})") from error
    texts = [row.get(name) for name in ("question", "solution")] if isinstance(row, dict) else []
    filled = [text for text in texts if isinstance(text, str) and text.strip()]
    if len(filled) < 2:
        raise PromptError(f'{where}: expected {{"question": "...", "solution": "..."}} with two texts')
    return Example(*filled)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise PromptError(f"{path} cannot be read: {error}") from error
