"""Reading the problems of a benchmark, from a local file that its name finds or from the Hub."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eval.benchmarks.benchmark import Benchmark
from store.errors import ProblemSourceError
from store.problems.sources import FILES, SUFFIXES
from store.problems.sources.formats.huggingface import describe, read_huggingface
from store.problems.sources.rows.answers import label_of
from store.problems.sources.rows.fields import BadRowError, Row, has, optional_text, text_of, value_of
from store.problems.sources.rows.splitting import generate_id, question_key
from store.records import Problem, Split
from store.settings import HuggingFaceSettings

_SUBJECTS, _LEVELS = ("subject", "type", "Type"), ("level", "Level")


def read_benchmark(benchmark: Benchmark, folder: Path | None) -> Iterator[Problem]:
    """Stream the problems of a benchmark: those of its files in `folder`, or of its data set on the Hub.

    Every row is a problem of its own, also if another has the same question: a score is over all of them. The ids
    depend on the questions alone, so that they are the same from any file.

    Raises:
        ProblemSourceError: there is no file or data set, or a row is no problem.
    """
    seen: Counter[str] = Counter()
    count = 0
    for where, row in _rows(benchmark, folder):
        try:
            problem = _to_problem(benchmark, row, seen)
        except BadRowError as error:
            raise ProblemSourceError(f"{benchmark.title}: {where}: {error}") from None
        if problem is not None:
            count += 1
            yield problem
    if not count:
        raise ProblemSourceError(f"{benchmark.title}: it contains no problems")


def find_files(benchmark: Benchmark, folder: Path) -> list[Path]:
    """The files of a benchmark in a folder: NAME.jsonl, NAME_test.jsonl, NAME/test.jsonl or their like.

    NAME is its name or an alias, the suffix that of any file of rows. A split in several files has them in their order.
    """
    split = benchmark.split
    names = dict.fromkeys((benchmark.name, *benchmark.aliases))
    splits = dict.fromkeys((split, "test"))
    patterns = [
        pattern
        for name in names
        for pattern in (
            f"{name}.*",
            *(f"{name}_{one}.*" for one in splits),
            *(f"{name}/{one}.*" for one in splits),
            *(f"{name}/{one}-*-of-*.*" for one in splits),
            f"{name}/{name}.*",
        )
    ]
    for pattern in patterns:
        found = sorted(path for path in folder.glob(pattern) if path.suffix.lower() in SUFFIXES and path.is_file())
        if found:
            return found
    return []


def _rows(benchmark: Benchmark, folder: Path | None) -> Iterator[Row]:
    if folder is None:
        settings = HuggingFaceSettings(
            dataset=benchmark.dataset, config=benchmark.config, dataset_split=benchmark.split
        )
        yield from ((f"{describe(settings)}: {position}", row) for position, row in read_huggingface(settings))
        return
    files = find_files(benchmark, folder)
    if not files:
        raise ProblemSourceError(
            f"{benchmark.title}: {folder} has no file for it: name one {benchmark.name}.jsonl or "
            f"{benchmark.name}/{benchmark.split}.jsonl (or {', '.join(suffix for suffix in SUFFIXES)})"
        )
    for path in files:
        read = FILES[SUFFIXES[path.suffix.lower()]]
        yield from ((f"{path}: {position}", row) for position, row in read(path))


def _to_problem(benchmark: Benchmark, row: Mapping[str, Any] | BadRowError, seen: Counter[str]) -> Problem | None:
    """The problem of a row, None if the row is no part of the benchmark.

    Raises:
        BadRowError: it lacks a question or an answer.
    """
    if isinstance(row, BadRowError):
        raise row
    question = _question(benchmark, row)
    answer = _answer(benchmark, row)
    if answer is None:
        return None
    key = question_key(question)
    seen[key] += 1
    key += f"/{seen[key]}" if seen[key] > 1 else ""
    return Problem(
        id=generate_id(benchmark.name, key),
        question=question,
        answer=answer,
        source=benchmark.name,
        split=Split.HELDOUT,
        split_key=f"benchmark:{benchmark.name}:{key}",
        subject=optional_text(row, _SUBJECTS),
        level=optional_text(row, _LEVELS),
    )


def _question(benchmark: Benchmark, row: Mapping[str, Any]) -> str:
    for fields in benchmark.questions:
        if all(has(row, field) for field in fields):
            return " ".join(text_of(row, field) for field in fields)
    return text_of(row, "question")  # raises, and names the fields there are


def _answer(benchmark: Benchmark, row: Mapping[str, Any]) -> str | None:
    fields = [(field, form) for field, form in benchmark.answers if has(row, field)] or list(benchmark.answers[:1])
    present = [(field, form) for field, form in fields if has(row, field) and value_of(row, field) not in (None, "")]
    field, form = (present or fields)[0]
    answer = label_of(value_of(row, field), field, form, skip_no_answers=False, lenient=False)
    if benchmark.left_out is not None and benchmark.left_out.search(answer):
        return None
    return benchmark.unit.sub("", answer) if benchmark.unit is not None else answer
