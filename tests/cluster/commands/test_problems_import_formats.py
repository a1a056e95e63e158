"""Formats of files and layouts of known data sets, each imported by the real command and read back."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from cluster.cli import main
from cluster.parsers import problems as parser
from store.problems.sources import SOURCES, read_problems
from store.problems.sources.rows.layouts import LAYOUTS
from store.records import Problem, Split
from store.settings import JsonlSettings
from store.store import Store

ROWS = [
    {"question": "What is 1 + 1?", "answer": "2", "level": "1"},
    {"question": 'Say "é",\nthen 2 + 2', "answer": "4", "level": "2"},
    {"question": r"Solve $\frac{x}{2} = 3$; x?", "answer": "6", "level": "3"},
]


def write_csv(path: Path, rows: list[dict[str, Any]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_list(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("\ufeff\n " + json.dumps(rows, indent=2) + "\n")


def write_parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def write_stream(path: Path, rows: list[dict[str, Any]]) -> None:
    table = pyarrow.Table.from_pylist(rows)
    with pyarrow.OSFile(str(path), "wb") as sink, pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


def write_feather(path: Path, rows: list[dict[str, Any]]) -> None:
    pyarrow.feather.write_feather(pyarrow.Table.from_pylist(rows), path)


@pytest.fixture
def imported(store_url: str) -> Callable[..., list[Problem]]:
    """Import a source into a store of its own; returns its problems by their level or else their question."""

    def run(source: Path | str, *options: str) -> list[Problem]:
        assert main(["problems", "import", str(source), "--store", store_url, "--heldout-fraction", "0", *options]) == 0
        with Store.open(store_url, create=False) as store:
            return sorted(store.problems.iterate(), key=lambda problem: problem.level or problem.question)

    return run


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.csv", write_csv),
        ("b.csv", lambda path, rows: write_csv(path, rows, ";")),
        ("a.tsv", lambda path, rows: write_csv(path, rows, "\t")),
        ("a.jsonl", write_lines),
        ("a.ndjson", write_lines),
        ("lines.json", write_lines),
        ("list.json", write_list),
        ("a.parquet", write_parquet),
        ("stream.arrow", write_stream),
        ("file.arrow", write_feather),
        ("a.feather", write_feather),
    ],
)
def test_a_file_of_any_format_is_known_by_its_suffix_and_gives_the_same_problems(
    imported: Callable[..., list[Problem]], tmp_path: Path, name: str, write: Callable[[Path, Any], None]
) -> None:
    write(tmp_path / name, ROWS)

    found = imported(tmp_path / name)

    assert [(one.question, one.answer) for one in found] == [(row["question"], row["answer"]) for row in ROWS]


VERL = {
    "data_source": "openai/gsm8k",
    "prompt": [
        {"role": "system", "content": "Be brief."},
        {
            "role": "user",
            "content": 'What is 6 * 7? Let\'s think step by step and output the final answer after "####".',
        },
    ],
    "ability": "math",
    "reward_model": {"style": "rule", "ground_truth": "42"},
    "extra_info": {"split": "train", "index": 3},
}
DAPO_TEXT = (
    "Solve the following math problem step by step. The last line of your response should be of the form Answer: "
    "$Answer (without quotes) where $Answer is the answer to the problem.\n\nWhat is 6 * 7?\n\n"
    'Remember to put your answer on its own line after "Answer:".'
)
METAMATH = {
    "type": "GSM_AnsAug",
    "query": "What is 6 * 7?",
    "original_question": "What is 6 * 7?",
    "response": "It is 42.\n#### 42\nThe answer is: 42",
}
NUMINAMATH = {"problem": "What is 6 * 7?", "problem_type": "Algebra", "question_type": "math-word-problem"}
LAYOUT_ROWS: dict[str, list[dict[str, Any]]] = {
    "verl": [VERL, VERL | {"prompt": "What is 6 * 7?"}],
    "dapo": [VERL | {"data_source": "math_dapo", "prompt": [{"role": "user", "content": DAPO_TEXT}]}],
    "trl": [
        {"prompt": [{"role": "user", "content": "What is 6 * 7?"}], "solution": "It is $\\boxed{42}$."},
        {"prompt": "What is 6 * 7?", "answer": "42"},
        {"prompt": "What is 6 * 7?", "answer": "6 * 7 = 42\n#### 42", "solution": "\\boxed{41}"},
    ],
    "openr1": [
        NUMINAMATH
        | {"solution": "So 42.", "answer": "42", "generations": ["<think>"], "correctness_math_verify": [True]}
    ],
    "numinamath": [
        NUMINAMATH | {"solution": "So 42.", "answer": "42", "problem_is_valid": "Yes", "solution_is_valid": "Yes"},
        {
            "source": "cn_k12",
            "problem": "What is 6 * 7?",
            "solution": "So $\\boxed{42}$.",
            "messages": [{"role": "user", "content": "What is 6 * 7?"}],
        },
    ],
    "deepscaler": [{"problem": "What is 6 * 7?", "answer": "42", "solution": "So 42."}],
    "math": [
        {"problem": "What is 6 * 7?", "level": "Level 5", "type": "Algebra", "solution": r"$\boxed{4}$, $\boxed{42}$."}
    ],
    "gsm8k": [{"question": "What is 6 * 7?", "answer": "6 * 7 = <<6*7=42>>42\n#### 42"}],
    "metamath": [METAMATH],
}


@pytest.mark.parametrize(
    ("layout", "row"), [pytest.param(name, row, id=name) for name in LAYOUT_ROWS for row in LAYOUT_ROWS[name]]
)
def test_a_known_layout_is_read_by_its_name_and_found_without_it(
    imported: Callable[..., list[Problem]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    layout: str,
    row: dict[str, Any],
) -> None:
    file = tmp_path / "a.jsonl"
    write_lines(file, [row])

    (by_name,) = imported(file, "--layout", layout)
    assert "the layout is" not in capsys.readouterr().out
    (found,) = imported(file)

    assert (by_name.question, by_name.answer) == ("What is 6 * 7?", "42")
    assert found == by_name
    assert f"the layout is {layout}, found by its fields" in capsys.readouterr().out


def test_nested_structs_of_parquet_are_read_by_path(imported: Callable[..., list[Problem]], tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", [VERL])

    (problem,) = imported(tmp_path / "a.parquet", "--map", "id=extra_info.index")

    assert (problem.id, problem.question, problem.answer) == ("3", "What is 6 * 7?", "42")


def test_the_command_and_the_code_know_the_same_layouts_and_kinds() -> None:
    assert set(parser._LAYOUTS) == set(LAYOUTS) == set(LAYOUT_ROWS)
    assert set(parser._KINDS) == set(SOURCES)


def test_subject_and_level_come_with_the_layout(imported: Callable[..., list[Problem]], tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", LAYOUT_ROWS["math"])

    (problem,) = imported(tmp_path / "a.jsonl")

    assert (problem.subject, problem.level) == ("Algebra", "Level 5")


def test_rows_of_metamath_follow_the_questions_that_they_were_made_of(
    imported: Callable[..., list[Problem]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fobar = "What is 6 * x? If we know the answer to the above question is 42, what is the value of x?"
    rows = [
        METAMATH | {"type": "GSM_FOBAR", "query": fobar, "response": "The answer is: 7"},
        METAMATH,
        METAMATH | {"type": "GSM_SV", "query": "2x = 8. What is x?", "original_question": "What is 2 * 4, by the way?"},
    ]
    write_lines(tmp_path / "a.jsonl", rows)

    original, derived = imported(tmp_path / "a.jsonl", "--layout", "metamath", "--derived", "candidate")

    assert (original.parent_key, original.split) == (None, Split.TRAIN)
    assert (derived.answer, derived.made_by, derived.split) == ("7", "fobar", Split.CANDIDATE)
    assert derived.parent_key == original.split_key
    assert "1 left out, because the store does not have the questions that they were made of" in capsys.readouterr().out


def test_rows_of_metamath_whose_parent_is_held_out_are_excluded(
    imported: Callable[..., list[Problem]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rephrased = METAMATH | {"type": "GSM_Rephrased", "query": "Six rows of seven chairs: how many are there in all?"}
    write_lines(tmp_path / "a.jsonl", [rephrased, METAMATH])

    found = imported(tmp_path / "a.jsonl", "--layout", "metamath", "--split", "heldout")

    assert {one.split for one in found if one.parent_key is None} == {Split.HELDOUT}
    assert {one.split for one in found if one.parent_key is not None} == {Split.EXCLUDED}
    assert "1 of the excluded or withdrawn ones are relatives of these" in capsys.readouterr().out


def test_a_field_that_is_named_overrides_that_of_the_layout(
    imported: Callable[..., list[Problem]], tmp_path: Path
) -> None:
    write_lines(tmp_path / "a.jsonl", [VERL | {"extra_info": {"answer": "it is 43", "number": {"value": 43}}}])

    (problem,) = imported(tmp_path / "a.jsonl", "--layout", "verl", "--map", "answer=extra_info.number.value")

    assert (problem.question, problem.answer) == ("What is 6 * 7?", "43")


def test_a_form_that_is_named_is_not_guessed_at(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", LAYOUT_ROWS["gsm8k"])

    (problem,) = read_problems(JsonlSettings(path=str(tmp_path / "a.jsonl"), answer_from="plain"))

    assert problem.answer.endswith("#### 42")


def test_plain_rows_stay_plain_whatever_else_they_hold(imported: Callable[..., list[Problem]], tmp_path: Path) -> None:
    row = {"question": "What is 6 * 7?", "answer": "42", "prompt": "Think.", "solution": r"\boxed{41}"}
    write_lines(tmp_path / "a.jsonl", [row])

    (problem,) = imported(tmp_path / "a.jsonl")

    assert (problem.question, problem.answer) == ("What is 6 * 7?", "42")


def test_a_layout_that_is_to_be_found_and_is_not_names_the_fields(
    tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(tmp_path / "a.jsonl", [{"Frage": "1+1?", "Antwort": 2}])

    assert main(["problems", "import", str(tmp_path / "a.jsonl"), "--store", store_url, "--layout", "auto"]) == 2

    error = capsys.readouterr().err
    assert "line 1: its fields (Antwort, Frage) are those of no known layout (dapo, verl" in error


# Folders and data sets


def save_rows(folder: Path, rows: list[dict[str, Any]], split: str | None = None) -> None:
    import datasets

    saved = datasets.Dataset.from_list(rows)
    (datasets.DatasetDict({split: saved}) if split else saved).save_to_disk(str(folder))


@pytest.mark.parametrize("write", ["train.jsonl", "train-00000-of-00001.parquet", "saved", "saved splits"])
def test_a_folder_of_a_data_set_is_imported(
    imported: Callable[..., list[Problem]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "data"
    if write.startswith("saved"):
        save_rows(folder, ROWS, "train" if write == "saved splits" else None)
    else:
        folder.mkdir()
        (write_lines if write.endswith("jsonl") else write_parquet)(folder / write, ROWS)
        other = folder / write.replace("train", "test")
        (write_lines if write.endswith("jsonl") else write_parquet)(other, [{"question": "2?", "answer": "1"}])

    assert [one.answer for one in imported(folder)] == ["2", "4", "6"]


def test_a_split_that_a_saved_data_set_lacks_is_named(
    tmp_path: Path, store_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    save_rows(tmp_path / "data", ROWS, "test")

    assert main(["problems", "import", str(tmp_path / "data"), "--store", store_url]) == 2

    error = capsys.readouterr().err
    assert "there is no split 'train', but 'test'" in error
    assert "--dataset-split" in error


def test_a_hub_data_set_comes_from_the_cache_without_a_network(
    imported: Callable[..., list[Problem]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import datasets
    from datasets.arrow_writer import ArrowWriter

    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", str(tmp_path / "cache"))
    cached = tmp_path / "cache" / "nobody___sums" / "default" / "0.0.0" / "abc"
    cached.mkdir(parents=True)
    with ArrowWriter(path=str(cached / "sums-train.arrow")) as writer:
        for row in ROWS:
            writer.write(row)
        writer.finalize()
    split = {"name": "train", "num_examples": len(ROWS), "dataset_name": "sums"}
    info = datasets.DatasetInfo(config_name="default", dataset_name="sums", splits={"train": split})
    info.write_to_directory(str(cached))

    assert [one.answer for one in imported("nobody/sums", "--from", "huggingface")] == ["2", "4", "6"]
