"""The catalogue of benchmarks, and the overlap of training problems with it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from eval.benchmarks.catalogue import Catalogue
from eval.benchmarks.overlap import watch_overlap
from eval.benchmarks.registry import BENCHMARKS
from store.errors import ProblemSourceError
from store.records import Problem, Split

GSM8K = BENCHMARKS["gsm8k"]
DUCKS = "Janet's ducks lay 16 eggs per day and she eats three of them for breakfast every morning. How many are left?"
TWIN = "Susan's ducks lay 19 eggs per day and she eats four of them for breakfast every morning. How many are left?"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    rows = [
        {"question": DUCKS, "answer": "13"},
        *({"question": f"What is {i} + 1?", "answer": i + 1} for i in range(9)),
    ]
    (folder / "gsm8k.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def problem(question: str, split: Split = Split.TRAIN) -> Problem:
    return Problem(question[:20], question, "1", "train", split, f"key-{question}")


def test_a_benchmark_is_read_once_and_then_known_without_its_file(tmp_path: Path, data: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        assert catalogue.read(GSM8K, data) == 10
    with Catalogue.open(tmp_path) as catalogue:
        assert catalogue.read(GSM8K, None) == 10
        assert catalogue.read(GSM8K, data) == 10
        assert catalogue.counts() == {"gsm8k": 10}
        assert len(list(catalogue.problems(GSM8K, limit=4))) == 4


def test_a_file_with_another_answer_is_refused(tmp_path: Path, data: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        catalogue.read(GSM8K, data)
        file = data / "gsm8k.jsonl"
        file.write_text(file.read_text().replace('"13"', '"14"'))

        with pytest.raises(ProblemSourceError, match="1 of which are not those of the 10 that were read before"):
            catalogue.read(GSM8K, data)


def test_a_part_of_a_benchmark_has_the_same_problems_each_time(tmp_path: Path, data: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        catalogue.read(GSM8K, data)
        four, eight = (list(catalogue.problems(GSM8K, limit)) for limit in (4, 8))

    assert eight[:4] == four


def test_training_problems_that_are_those_of_a_benchmark_are_counted_and_passed_on(tmp_path: Path, data: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        catalogue.read(GSM8K, data)
    other = (
        "Lea has a garden with 5 rows of 12 tulips each and picks a fifth of all of her tulips. How many does she pick?"
    )
    training = [problem(question) for question in (DUCKS, TWIN, other)]

    with watch_overlap(tmp_path) as overlap:
        assert list(overlap.watch(iter(training))) == training

    assert overlap.record() == {"gsm8k": {"near_duplicate": 1, "template_twin": 1}}
    note = overlap.note()
    assert note is not None
    assert "1 of GSM8K and 1 with other numbers or names" in note


def test_held_out_problems_are_no_overlap(tmp_path: Path, data: Path) -> None:
    with Catalogue.open(tmp_path) as catalogue:
        catalogue.read(GSM8K, data)
    heldout = replace(problem(DUCKS), split=Split.HELDOUT)

    with watch_overlap(tmp_path) as overlap:
        assert list(overlap.watch(iter([heldout]))) == [heldout]

    assert overlap.note() is None


def test_without_a_catalogue_nothing_is_compared_and_none_is_made(tmp_path: Path) -> None:
    with watch_overlap(tmp_path) as overlap:
        assert len(list(overlap.watch(iter([problem(DUCKS)])))) == 1

    assert overlap.note() is None
    assert not Catalogue.file(tmp_path).exists()
