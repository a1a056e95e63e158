"""Importing problems into a run through the command line, and the exclusions of near-duplicates."""

import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from cluster.cli import main
from cluster.config.run_folder import RunFolder
from store.store import Store


def problems(run: RunFolder, *options: str) -> int:
    action, *rest = options
    return main(["problems", action, *rest, "--run", str(run.path)])


def counts(run: RunFolder) -> dict[str, int]:
    with Store.open(run.store_url(run.read_config()), create=False) as store:
        return store.problems.counts()


def test_importing_twice_adds_once(run: RunFolder, problems_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(run, "import", str(problems_file), "--answer-from", "gsm8k", "--heldout-fraction", "0.3") == 0
    assert "100 problems imported" in capsys.readouterr().out
    first = counts(run)
    assert first["train"] + first["heldout"] == 100
    assert 15 <= first["heldout"] <= 45

    assert problems(run, "import", str(problems_file), "--answer-from", "gsm8k", "--heldout-fraction", "0.3") == 0
    assert "100 were there already" in capsys.readouterr().out
    assert counts(run) == first


def test_all_problems_can_go_into_one_split(run: RunFolder, problems_file: Path) -> None:
    assert problems(run, "import", str(problems_file), "--split", "heldout") == 0

    assert counts(run) == {"train": 0, "heldout": 100, "excluded": 0}


def test_other_fields_can_be_named(run: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text('{"Body": "What is 1 + 1?", "Answer": 2}\n')

    assert problems(run, "import", str(file), "--map", "question=Body", "--map", "answer=Answer") == 0

    assert sum(counts(run).values()) == 1


@pytest.mark.parametrize("share", ["1.5", "-0.1", "nan"])
def test_a_share_out_of_bounds_is_refused(
    run: RunFolder, problems_file: Path, share: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "import", str(problems_file), f"--heldout-fraction={share}") == 2

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


def test_bad_lines_can_be_skipped_and_are_listed(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_text('{"question": "What is 1?", "answer": "1"}\nnot json\n')

    assert problems(run, "import", str(file), "--bad-rows", "skip") == 0

    output = capsys.readouterr().out
    assert "1 problems imported" in output
    assert "1 bad rows skipped" in output
    assert "line 2: not JSON" in output


@pytest.fixture
def near_duplicates(tmp_path: Path) -> tuple[str, str]:
    """Two files of one problem each, nearly the same: `test` and `near`."""
    question = "A baker bakes twelve loaves of bread and sells all of them before noon. How many loaves are left today?"
    paths = tmp_path / "test.jsonl", tmp_path / "near.jsonl"
    for path, words in zip(paths, (question, f"{question} Show your work."), strict=True):
        path.write_text(json.dumps({"question": words, "answer": "0"}) + "\n")
    return str(paths[0]), str(paths[1])


def list_exclusions(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert problems(run, "list", "--left-out", "--json") == 0
    return [json.loads(line)["question"] for line in capsys.readouterr().out.splitlines()]


def test_a_near_duplicate_of_a_held_out_problem_is_excluded_and_listed(
    run: RunFolder, near_duplicates: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    test, near = near_duplicates
    assert problems(run, "import", test, "--split", "heldout") == 0
    assert problems(run, "import", near, "--split", "train") == 0
    assert "1 excluded" in capsys.readouterr().out

    (question,) = list_exclusions(run, capsys)
    assert "Show your work" in question
    assert counts(run) == {"train": 0, "heldout": 1, "excluded": 0}


def test_a_later_held_out_problem_withdraws_its_near_duplicate_from_training(
    run: RunFolder, near_duplicates: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    test, near = near_duplicates
    assert problems(run, "import", near, "--split", "train") == 0
    assert problems(run, "import", test, "--split", "heldout") == 0
    assert "1 training problems withdrawn" in capsys.readouterr().out

    (question,) = list_exclusions(run, capsys)
    assert "Show your work" in question
    assert counts(run) == {"train": 0, "heldout": 1, "excluded": 1}


def test_a_template_twin_is_counted_and_listed_with_its_reason_unless_it_is_kept(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = "Maria buys {} packs of {} pens at the market and gives {} pens to Tom. How many pens does she have now?"
    for name, numbers in (("test", (12, 6, 5)), ("twin", (31, 4, 9))):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"question": question.format(*numbers), "answer": "1"}))
    test, twin = (str(tmp_path / f"{name}.jsonl") for name in ("test", "twin"))
    assert problems(run, "import", test, "--split", "heldout") == 0
    assert problems(run, "import", twin, "--split", "train") == 0
    assert "1 of them with other numbers or names" in capsys.readouterr().out
    assert problems(run, "list", "--left-out", "--json") == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "template_twin"

    assert problems(run, "import", twin, "--split", "train", "--template-twins", "train") == 0
    assert counts(run)["train"] == 1
    assert list_exclusions(run, capsys) == []


def test_labels_that_are_none_or_unreadable_are_named(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "labels.jsonl"
    rows = ({"question": "Why?", "answer": "proof"}, {"question": "When?", "answer": r"1+2+\ldots+n"})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert problems(run, "import", str(file), "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert report["no_answers"] == [f"{file}: line 1: 'proof' in 'answer' is no answer"]
    assert len(report["unreadable"]) == 1
    assert (report["read"], report["unchecked"]) == (1, 0)


def test_an_import_as_json_is_one_object(
    run: RunFolder, problems_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "import", str(problems_file), "--split", "train", "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["read"], report["train"], report["left_out"]) == (100, 100, 0)
    assert report["problems"] == {"train": 100, "heldout": 0, "excluded": 0}


def test_a_reasoning_gym_data_set_is_imported_by_name_and_config(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--size", "5", "--config", "min_terms=2", "--config", "max_terms=3"
    assert problems(run, "import", "chain_sum", "--from", "reasoning_gym", *options) == 0

    assert sum(counts(run).values()) == 5


@pytest.mark.parametrize(("split_by", "prefix"), [("operands", "chain_sum:"), ("question", "question:")])
def test_the_identity_of_generated_problems_can_be_chosen(run: RunFolder, split_by: str, prefix: str) -> None:
    options = "--size", "3", "--split-by", split_by
    assert problems(run, "import", "chain_sum", "--from", "reasoning_gym", *options) == 0

    with Store.open(run.store_url(run.read_config()), create=False) as store:
        assert all(problem.split_key.startswith(prefix) for problem in store.problems.iterate())


def test_parquet_is_recognized_by_its_suffix(run: RunFolder, tmp_path: Path) -> None:
    table = pyarrow.table({"problem": ["What is 1 + 1?"], "answer": ["2"]})
    pyarrow.parquet.write_table(table, tmp_path / "problems.parquet")

    assert problems(run, "import", str(tmp_path / "problems.parquet"), "--map", "question=problem") == 0

    assert sum(counts(run).values()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("openai/gsm8k",), "--from huggingface"),
        (("gcd", "--from", "reasoning_gym", "--map", "question=problem"), "--map does not apply"),
        (("gcd", "--from", "reasoning_gym", "--config", "terms"), "--config terms"),
        (("a.jsonl", "--map", "task=problem"), "'task' is not one of question, answer"),
        (("a.jsonl", "--map", "question"), "--map question=problem"),
        (("a.jsonl", "--limit", "0"), "--limit 0"),
    ],
)
def test_options_that_do_not_apply_are_refused(
    run: RunFolder, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "import", *arguments) == 2

    assert message in capsys.readouterr().err
