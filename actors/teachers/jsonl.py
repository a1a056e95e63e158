"""A teacher that reads solutions from a JSONL file: question, answer, and a solution in the run's format."""

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from itertools import batched
from pathlib import Path
from typing import NamedTuple

from actors.rollouts.codec import Codec
from actors.settings import JsonlTeacherSettings
from actors.teachers.teacher import Turns, demonstration
from sandbox.equivalence import AnswerChecker, Verdict
from sandbox.interpreter import Sandbox
from store.problems.sources.rows.splitting import question_key
from store.records import Problem, Rollout, Split, is_text, make_label

_CHECK_BATCH = 64


class DemonstrationFileError(ValueError):
    """A demonstrations file is invalid; the message names the file, the line and what is expected."""


class JsonlTeacher:
    """Takes solutions as they are in the file, with the interpreter output in them; no code is run.

    Held-out problems are not filtered here: the caller compares with those in the store.
    """

    def __init__(self, settings: JsonlTeacherSettings) -> None:
        self._settings = settings
        self.skipped: Counter[str] = Counter()

    def texts(self, problems: Sequence[Problem]) -> list[str]:
        """Questions and solutions, for a tokenizer."""
        return [f"{row[0]}\n{row[2]}" for row in self._rows()]

    async def demonstrations(
        self, codec: Codec, sandbox: Sandbox, checker: AnswerChecker, problems: Sequence[Problem]
    ) -> AsyncIterator[tuple[Problem, Rollout]]:
        """Yield the file's solutions that end with their row's answer, each with its problem."""
        rows = [parsed for row in self._rows() if (parsed := self._parse(codec, row)) is not None]
        for batch in batched(rows, _CHECK_BATCH):
            pairs = [(row.problem.accepted_answers, row.answer) for row in batch]
            for row, verdict in zip(batch, await checker.check_many(pairs), strict=True):
                if verdict is Verdict.EQUAL:
                    yield row.problem, demonstration(codec, row.problem, row.turns)
                else:
                    self.skipped["answer differs from the row's answer"] += 1

    def _parse(self, codec: Codec, row: tuple[str, str, str]) -> "_ParsedRow | None":
        question, label, solution = row
        turns = codec.format.split_solution(solution)
        answer = codec.format.find_answer(turns[-1][0])
        if len(solution) > self._settings.max_chars:
            self.skipped[f"has more than {self._settings.max_chars} characters"] += 1
        elif answer is None:
            self.skipped[f"has no answer in the format {codec.format.name!r}"] += 1
        else:
            return _ParsedRow(_problem(question, label, self._settings.path), turns, answer)
        return None

    def _rows(self) -> list[tuple[str, str, str]]:
        settings = self._settings
        try:
            # Not splitlines: JSON strings may contain other line separators, such as U+2028, unescaped.
            lines = settings.path.read_text(encoding="utf-8-sig").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise DemonstrationFileError(f"demonstrations {settings.path} cannot be read: {error}") from error
        rows = [self._row(number, line) for number, line in enumerate(lines[: settings.count], 1) if line.strip()]
        if not rows:
            raise DemonstrationFileError(f"demonstrations {settings.path} is empty: expected one JSON object per line")
        return rows

    def _row(self, number: int, line: str) -> tuple[str, str, str]:
        settings = self._settings
        where = f"demonstrations {settings.path}, line {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DemonstrationFileError(f"{where}: not JSON ({error})") from error
        fields = (settings.question_field, settings.answer_field, settings.solution_field)
        if not isinstance(row, dict):
            raise DemonstrationFileError(f"{where}: not a JSON object with the fields {', '.join(map(repr, fields))}")
        missing = [name for name in fields if row.get(name) is None or not str(row[name]).strip()]
        if missing:
            raise DemonstrationFileError(f"{where}: field {missing[0]!r} is missing or empty")
        invalid = [name for name in fields if not is_text(str(row[name]))]
        if invalid:
            raise DemonstrationFileError(
                f"{where}: field {invalid[0]!r} contains NUL or half a surrogate pair, which is not valid text"
            )
        answer = row[settings.answer_field]
        label = make_label(map(str, answer) if isinstance(answer, list) else [str(answer)])
        return str(row[settings.question_field]), label, str(row[settings.solution_field])


class _ParsedRow(NamedTuple):
    """A row's problem and solution, with the answer that the solution ends with."""

    problem: Problem
    turns: Turns
    answer: str


def _problem(question: str, answer: str, path: Path) -> Problem:
    key = question_key(question)
    digest = hashlib.sha256(key.encode()).hexdigest()
    return Problem(
        id=f"demo-{digest[:24]}", question=question, answer=answer, source=path.name, split=Split.TRAIN, split_key=key
    )
