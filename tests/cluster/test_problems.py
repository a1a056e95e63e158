"""Importing problems into a run, and listing them, through the command line."""

import json
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config import load_config
from cluster.run_folder import RunFolder, new_run_folder
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
        return store.problem_counts()


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

    assert counts(run) == {"train": 0, "heldout": 100}


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
    assert counts(run) == {"train": 0, "heldout": 0}


def test_bad_lines_are_named_and_nothing_is_imported(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"question": "What is 1?", "answer": "1"}\n{"question": "What is 2?"}\nnot json\n')

    assert problems(run, "import", str(file)) == 2

    error = capsys.readouterr().err
    assert "line 2: there is no field 'answer'" in error
    assert "line 3: not JSON" in error
    assert counts(run) == {"train": 0, "heldout": 0}


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
