"""Benchmarks in the layouts that are in use, and in files as they lie around."""

import json
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.reading import find_files, read_benchmark
from eval.benchmarks.registry import BENCHMARKS, UnknownBenchmarkError, find_benchmarks
from eval.judging.rules import OURS, RULES
from store.errors import ProblemSourceError
from store.problems.sources.rows.splitting import question_key
from store.records import Split

SHARED = Path(__file__).parents[4] / "shared/data"


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("name", "row", "question", "answer"),
    [
        ("gsm8k", {"question": "How many?", "answer": "Add.\n#### 1,200"}, "How many?", "1200"),
        (
            "math",
            {"problem": "Find $x$.", "solution": r"So \boxed{\frac12}.", "type": "Algebra"},
            "Find $x$.",
            r"\frac12",
        ),
        ("math500", {"problem": "Find $x$.", "answer": "5", "solution": r"\boxed{5}"}, "Find $x$.", "5"),
        ("ocw", {"problem": "What charge?", "solution": r"It is \boxed{-2}."}, "What charge?", "-2"),
        ("svamp", {"Body": "He has 3.", "Question": "How many?", "Answer": 3.0}, "He has 3. How many?", "3.0"),
        ("svamp", {"question_concat": "He has 3. How many?", "Answer": "3.0"}, "He has 3. How many?", "3.0"),
        ("asdiv", {"body": "He has 3.", "question": "How many?", "answer": "9 (apples)"}, "He has 3. How many?", "9"),
        ("mawps", {"question": "How many?", "result": "4", "chain": "..."}, "How many?", "4"),
        ("gsmhard", {"input": "How many?", "target": -12345.5, "code": "..."}, "How many?", "-12345.5"),
        ("aime", {"Problem": "Find $m+n$.", "Answer": 204, "Solution": "..."}, "Find $m+n$.", "204"),
        ("gaokao2023en", {"question": "Find $x$.", "answer": "$5$"}, "Find $x$.", "$5$"),
    ],
)
def test_the_layouts_in_use_are_read(
    tmp_path: Path, name: str, row: dict[str, Any], question: str, answer: str
) -> None:
    write(tmp_path / f"{name}.jsonl", row)

    (problem,) = read_benchmark(BENCHMARKS[name], tmp_path)

    assert (problem.question, problem.answer) == (question, answer)
    assert (problem.source, problem.split) == (name, Split.HELDOUT)


@pytest.mark.parametrize(
    "name", ["math500.jsonl", "MATH-500/test.jsonl", "math_500_test.json", "math500/test-00000-of-00001.jsonl"]
)
def test_files_are_found_by_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"problem": "1?", "answer": "1"})

    assert find_files(BENCHMARKS["math500"], tmp_path) == [path]


def test_a_question_that_comes_twice_is_two_problems(tmp_path: Path) -> None:
    row = {"question": "How many?", "answer": "1"}
    write(tmp_path / "mawps.jsonl", row, row)

    first, second = read_benchmark(BENCHMARKS["mawps"], tmp_path)

    assert first.id != second.id
    assert first.split_key != second.split_key


def test_a_benchmark_never_has_the_keys_of_training_problems(tmp_path: Path) -> None:
    write(tmp_path / "gsm8k.jsonl", {"question": "How many?", "answer": "1"})

    (problem,) = read_benchmark(BENCHMARKS["gsm8k"], tmp_path)

    assert problem.split_key != question_key("How many?")


def test_rows_with_several_answers_are_no_part_of_asdiv(tmp_path: Path) -> None:
    rows = [{"body": f"{i}", "question": "?", "answer": answer} for i, answer in enumerate(("1 (a); 2 (b)", "3 (c)"))]
    write(tmp_path / "asdiv.jsonl", *rows)

    assert [problem.answer for problem in read_benchmark(BENCHMARKS["asdiv"], tmp_path)] == ["3"]


def test_a_bad_row_is_named(tmp_path: Path) -> None:
    write(tmp_path / "gsm8k.jsonl", {"question": "1?", "answer": "1"}, {"question": "2?"})

    with pytest.raises(ProblemSourceError, match=r"GSM8K: .*gsm8k.jsonl: line 2: there is no field 'answer'"):
        list(read_benchmark(BENCHMARKS["gsm8k"], tmp_path))


def test_a_folder_without_the_benchmark_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProblemSourceError, match=r"has no file for it: name one gsm8k.jsonl or gsm8k/test.jsonl"):
        list(read_benchmark(BENCHMARKS["gsm8k"], tmp_path))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs {SHARED}")
@pytest.mark.parametrize("name", ["gsm8k", "math", "math500", "svamp"])
def test_public_files_have_the_number_of_problems_that_is_stated(name: str) -> None:
    problems = list(read_benchmark(BENCHMARKS[name], SHARED))

    assert len(problems) == BENCHMARKS[name].size
    assert len({problem.id for problem in problems}) == len(problems)


def test_benchmarks_are_found_by_names_titles_and_aliases_in_the_order_of_tables() -> None:
    assert [one.name for one in find_benchmarks(["SVAMP", "minerva_math", "GSM8K", "svamp"])] == [
        "gsm8k",
        "ocw",
        "svamp",
    ]
    with pytest.raises(UnknownBenchmarkError, match="no benchmark 'mmlu': choose from gsm8k, math"):
        find_benchmarks(["mmlu"])


def test_every_benchmark_has_a_licence_and_rules_that_exist() -> None:
    for benchmark in BENCHMARKS.values():
        assert benchmark.licence
        assert benchmark.citation
        assert benchmark.rules[0] == OURS
        assert set(benchmark.rules) <= set(RULES)
