"""`automathes problems import` without a run, and without writing."""

import json
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.run_folder import RunFolder
from store.store import Store


def write(path: Path, *rows: object) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def sums(count: int, first: int = 0) -> list[dict[str, object]]:
    return [{"question": f"What is {i} + 1?", "answer": i + 1} for i in range(first, first + count)]


def counts(url: str) -> dict[str, int]:
    with Store.open(url, create=False) as store:
        return store.problems.counts()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/problems.db"


def run_import(*options: str) -> int:
    return main(["problems", "import", *options])


def test_a_store_is_made_where_there_is_no_run_and_the_way_to_a_run_is_told(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_import(write(tmp_path / "a.jsonl", *sums(5)), "--store", url, "--split", "train") == 0
    assert run_import(write(tmp_path / "b.jsonl", *sums(3, 3)), "--store", url, "--split", "heldout") == 0

    assert counts(url) == {"train": 3, "heldout": 3, "excluded": 0}
    output = capsys.readouterr().out
    assert "5 problems imported into store sqlite:///" in output
    assert f"--set 'problems=[]' --set 'store.url={url}'" in output


def test_without_a_run_and_without_a_store_the_option_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    assert run_import(write(tmp_path / "a.jsonl", *sums(1))) == 2

    assert "--store sqlite:///problems.db" in capsys.readouterr().err


def test_a_store_and_a_run_contradict_each_other(
    tmp_path: Path, url: str, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_import(write(tmp_path / "a.jsonl", *sums(1)), "--store", url, "--run", str(run.path)) == 2

    assert "omit one of them" in capsys.readouterr().err


@pytest.mark.parametrize("bad_url", ["mysql://host/db", "sqlite:///{}/missing/problems.db"])
@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_a_store_that_cannot_be_is_refused(
    tmp_path: Path, bad_url: str, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "a.jsonl", *sums(1))

    assert run_import(file, "--store", bad_url.format(tmp_path), *options) == 2

    assert capsys.readouterr().err.startswith("automathes: ")


def test_a_dry_run_shows_ten_rows_and_counts_and_writes_nothing(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*sums(40), {"question": "Why?", "answer": "proof"}, {"question": "How?", "answer": None}]

    assert run_import(write(tmp_path / "a.jsonl", *rows), "--store", url, "--dry-run", "--heldout-fraction", "0.3") == 0

    output = capsys.readouterr().out
    shown = [line for line in output.splitlines() if line.startswith(("train ", "held out ")) and "What is" in line]
    assert len(shown) == 10
    assert {line.split("  ")[0] for line in shown} == {"train", "held out"}
    assert "40 problems would be imported" in output
    assert "2 left out: they have no usable label" in output
    assert "line 41: 'proof'" in output
    assert "line 42: null" in output
    assert not Path(url.removeprefix("sqlite:///")).exists()


def test_a_dry_run_judges_against_the_store_and_leaves_it_as_it_is(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    near = "A baker bakes twelve loaves of bread and sells all of them before noon. How many loaves are left today?"
    stored = [{"question": near, "answer": 0}, *sums(1)]
    assert run_import(write(tmp_path / "a.jsonl", *stored), "--store", url, "--split", "heldout") == 0
    before = counts(url)
    capsys.readouterr()
    new = [*sums(2, 0), {"question": f"{near} Show your work.", "answer": 0}, *sums(1, 1)]
    file = write(tmp_path / "b.jsonl", *new)

    assert run_import(file, "--store", url, "--split", "train", "--dry-run", "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert (report["dry_run"], report["train"], report["known"], report["left_out"]) == (True, 1, 1, 2)
    first = [(one["question"][:12], one["split"], one["known"]) for one in report["first"]]
    assert first == [
        ("What is 0 + ", "heldout", True),
        ("What is 1 + ", "train", False),
        ("A baker bake", "excluded", False),
        ("What is 1 + ", "train", False),
    ]
    assert counts(url) == before == {"train": 0, "heldout": 2, "excluded": 0}
    with Store.open(url, create=False) as store:
        assert store.problems.exclusion_count() == 0


def test_a_dry_run_for_a_run_writes_nothing_into_its_store(run: RunFolder, tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", *sums(5))

    assert run_import(file, "--run", str(run.path), "--dry-run") == 0

    assert counts(run.store_url(run.read_config())) == {"train": 0, "heldout": 0, "excluded": 0}


def test_a_dry_run_foretells_what_the_import_does(tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = (write(tmp_path / "a.jsonl", *sums(60), *sums(5)), "--store", url, "--json")

    assert run_import(*options, "--dry-run") == 0
    foretold = json.loads(capsys.readouterr().out)
    assert run_import(*options) == 0
    done = json.loads(capsys.readouterr().out)

    same = ("read", "train", "heldout", "known", "left_out", "reasons")
    assert [foretold[name] for name in same] == [done[name] for name in same]


@pytest.mark.parametrize(("option", "expected"), [("keep", 2), ("leave_out", 1)])
def test_problems_of_multiple_choice_are_told_of_or_left_out(
    tmp_path: Path, url: str, capsys: pytest.CaptureFixture[str], option: str, expected: int
) -> None:
    choices = r"What is 6 * 7? $\textbf{(A)}\ 41 \qquad \textbf{(B)}\ 42 \qquad \textbf{(C)}\ 43$"
    rows = {"question": choices, "answer": "(B)"}, {"question": "Name vitamin C by its letter.", "answer": "C"}

    file = write(tmp_path / "a.jsonl", *rows)
    assert run_import(file, "--store", url, "--multiple-choice", option, "--dry-run", "--json") == 0

    report = json.loads(capsys.readouterr().out)
    assert report["read"] == expected
    assert report["multiple_choice"] == (1 if option == "keep" else 0)
    if option == "leave_out":
        assert [reason["reason"] for reason in report["reasons"]] == ["the letter of a choice"]
