"""Importing problems into a run, and listing them, through the command line."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.store import Store


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path / "runs", "test")
    folder.write_config(config)
    Store.open(folder.store_url(config)).close()
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "problems.jsonl"
    rows = [{"question": f"What is {i} + 1?", "answer": f"Add them.\n#### {i + 1}"} for i in range(100)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def problems(run: RunFolder, *options: str) -> int:
    action, *rest = options
    return main(["problems", action, *rest, "--run", str(run.path)])


def counts(run: RunFolder) -> dict[str, int]:
    with Store.open(run.store_url(run.read_config()), create=False) as store:
        return store.problems.counts()


def test_importing_twice_adds_once(run: RunFolder, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(run, "import", str(file), "--answer-from", "gsm8k", "--heldout-fraction", "0.3") == 0
    assert "100 problems imported" in capsys.readouterr().out
    first = counts(run)
    assert first["train"] + first["heldout"] == 100
    assert 15 <= first["heldout"] <= 45

    assert problems(run, "import", str(file), "--answer-from", "gsm8k", "--heldout-fraction", "0.3") == 0
    assert "100 were there already" in capsys.readouterr().out
    assert counts(run) == first


def test_a_side_can_be_chosen(run: RunFolder, file: Path) -> None:
    assert problems(run, "import", str(file), "--split", "heldout") == 0

    assert counts(run) == {"train": 0, "heldout": 100, "excluded": 0}


def test_other_fields_can_be_named(run: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"Body": "What is 1 + 1?", "Answer": 2}\n')

    assert problems(run, "import", str(file), "--map", "question=Body", "--map", "answer=Answer") == 0

    assert sum(counts(run).values()) == 1


@pytest.mark.parametrize("share", ["1.5", "-0.1", "nan"])
def test_a_share_out_of_bounds_is_refused(
    run: RunFolder, file: Path, share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "import", str(file), f"--heldout-fraction={share}") == 2

    assert "--heldout-fraction" in capsys.readouterr().err
    assert counts(run) == {"train": 0, "heldout": 0, "excluded": 0}


def test_bad_lines_are_named_and_nothing_is_imported(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"question": "What is 1?", "answer": "1"}\n{"question": "What is 2?"}\nnot json\n')

    assert problems(run, "import", str(file)) == 2

    error = capsys.readouterr().err
    assert "line 2: there is no field 'answer'" in error
    assert "line 3: not JSON" in error
    assert counts(run) == {"train": 0, "heldout": 0, "excluded": 0}


def test_a_missing_file_is_named(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(run, "import", "no-such-file.jsonl") == 2

    assert "no-such-file.jsonl" in capsys.readouterr().err


def test_listing_as_json_gives_one_object_a_line(
    run: RunFolder, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems(run, "import", str(file), "--split", "train")
    capsys.readouterr()

    assert problems(run, "list", "--json", "--limit", "3") == 0

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    assert {"id", "question", "answer", "split", "source"} <= set(rows[0])


def test_listing_heeds_the_split_and_defuses_control_characters(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "odd.jsonl"
    file.write_text(json.dumps({"question": "Clear \x1b[2J the [bold]screen[/bold]?", "answer": "no"}) + "\n")
    problems(run, "import", str(file), "--split", "heldout")
    capsys.readouterr()

    problems(run, "list", "--split", "heldout")
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "[bold]" in shown

    problems(run, "list", "--split", "train")
    assert "0 of 0 problems" in capsys.readouterr().out


def test_bad_lines_can_be_skipped_and_are_told(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"question": "What is 1?", "answer": "1"}\nnot json\n')

    assert problems(run, "import", str(file), "--bad-rows", "skip") == 0

    said = capsys.readouterr().out
    assert "1 problems imported" in said
    assert "1 bad rows skipped" in said
    assert "line 2: not JSON" in said


@pytest.fixture
def alike(tmp_path: Path) -> tuple[str, str]:
    """Two files of a problem each, nearly the same: `test` and `near`."""
    question = "A baker bakes twelve loaves of bread and sells all of them before noon. How many loaves are left today?"
    paths = tmp_path / "test.jsonl", tmp_path / "near.jsonl"
    for path, words in zip(paths, (question, f"{question} Show your work."), strict=True):
        path.write_text(json.dumps({"question": words, "answer": "0"}) + "\n")
    return str(paths[0]), str(paths[1])


def listed_left_out(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert problems(run, "list", "--left-out", "--json") == 0
    return [json.loads(line)["question"] for line in capsys.readouterr().out.splitlines()]


def test_what_is_like_a_held_out_problem_is_left_out_and_listed(
    run: RunFolder, alike: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    test, near = alike
    assert problems(run, "import", test, "--split", "heldout") == 0
    assert problems(run, "import", near, "--split", "train") == 0
    assert "1 left out" in capsys.readouterr().out

    (question,) = listed_left_out(run, capsys)
    assert "Show your work" in question
    assert counts(run) == {"train": 0, "heldout": 1, "excluded": 0}


def test_a_held_out_problem_that_comes_second_takes_the_one_like_it_out_of_training(
    run: RunFolder, alike: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    test, near = alike
    assert problems(run, "import", near, "--split", "train") == 0
    assert problems(run, "import", test, "--split", "heldout") == 0
    assert "1 that were there to train on are trained on no more" in capsys.readouterr().out

    (question,) = listed_left_out(run, capsys)
    assert "Show your work" in question
    assert counts(run) == {"train": 0, "heldout": 1, "excluded": 1}


def test_an_import_as_json_is_one_object(run: RunFolder, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(run, "import", str(file), "--split", "train", "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["train"], report["left_out"]) == (100, 100, 0)
    assert report["problems"] == {"train": 100, "heldout": 0, "excluded": 0}


def test_reasoning_gym_is_imported_by_name_and_config(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    options = "--size", "5", "--config", "min_terms=2", "--config", "max_terms=3"
    assert problems(run, "import", "chain_sum", "--from", "reasoning_gym", *options) == 0

    assert sum(counts(run).values()) == 5


def test_parquet_is_known_by_its_suffix(run: RunFolder, tmp_path: Path) -> None:
    table = pyarrow.table({"problem": ["What is 1 + 1?"], "answer": ["2"]})
    pyarrow.parquet.write_table(table, tmp_path / "problems.parquet")

    assert problems(run, "import", str(tmp_path / "problems.parquet"), "--map", "question=problem") == 0

    assert sum(counts(run).values()) == 1


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("openai/gsm8k",), "--from huggingface"),
        (("gcd", "--from", "reasoning_gym", "--map", "question=problem"), "--map means nothing"),
        (("gcd", "--from", "reasoning_gym", "--config", "terms"), "--config terms"),
        (("a.jsonl", "--map", "task=problem"), "'task' is none of question, answer"),
        (("a.jsonl", "--map", "question"), "--map question=problem"),
        (("a.jsonl", "--limit", "0"), "--limit 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    run: RunFolder, arguments: tuple[str, ...], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "import", *arguments) == 2

    assert complaint in capsys.readouterr().err


def test_a_problem_is_shown_with_its_label_and_attempts(
    run: RunFolder, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems(run, "import", str(file), "--answer-from", "gsm8k")
    with run.open_store(run.read_config()) as store:
        problem = next(store.problems.iterate())
        store.labels.change(problem.id, "1000", "ada", "a test")
    capsys.readouterr()

    assert problems(run, "show", problem.id) == 0

    said = capsys.readouterr().out
    assert problem.question in said
    assert "answer: 1000" in said
    assert f"was {problem.answer} until ada: a test" in said
    assert "0 rollouts: none" in said


def test_a_problem_that_is_not_there_is_named(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(run, "show", "nobody") == 2

    assert "no problem 'nobody'" in capsys.readouterr().err
