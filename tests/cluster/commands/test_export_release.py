"""Releases: a data set folder with its card, statistics, licences and contamination report, written by the command."""

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
import yaml

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.records import ExecutionRecord, Outcome, Problem, Purpose, Rollout, Segment, SegmentKind, Split
from store.store import Store

pytestmark = pytest.mark.usefixtures("offline_datasets")

WORDS = "the quick brown fox jumps over the lazy dog while seven small birds sing about"
HELDOUT = [
    Problem("h0", f"Count: {WORDS} {'what ' * 40}", "1", "secret", Split.HELDOUT, "key-h0"),
    Problem("h1", "What is 2 + 2 here?", "4", "secret", Split.HELDOUT, "key-h1"),
]
TRAIN = [
    Problem("shares", f"Say, {WORDS.upper()}? {'why ' * 40}", "1", "books|a", Split.TRAIN, "key-t0"),
    Problem("clean", "Name a prime.", "2", "reasoning_gym/primes", Split.TRAIN, "key-t1"),
]


def demonstration(problem: Problem, number: int) -> Rollout:
    code = f"print({number})"
    blocks = (Segment(SegmentKind.CODE, code), Segment(SegmentKind.OUTPUT, "1")) * number
    return Rollout(
        f"demo-{problem.id}-{number}",
        problem.id,
        Purpose.DEMONSTRATION,
        Outcome.ACCEPTED,
        "tir",
        (1,),
        (2,) * (10 * (number + 1)),
        (True,) * (10 * (number + 1)),
        segments=(*blocks, Segment(SegmentKind.ANSWER, problem.answer)),
        executions=(ExecutionRecord("ok", code, "1"),) * number,
        answer=problem.answer,
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path_factory.mktemp("runs"), "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add([*HELDOUT, *TRAIN])
        store.rollouts.add(demonstration(problem, number) for problem in TRAIN for number in range(3))
    return folder


def release(run: RunFolder, folder: Path, *options: str) -> int:
    return main(["export", "release", str(folder), *options, "--run", str(run.path)])


def read(folder: Path, name: str) -> Any:
    return json.loads((folder / name).read_text())


def test_a_release_has_the_training_rows_with_their_provenance(run: RunFolder, tmp_path: Path) -> None:
    assert release(run, tmp_path / "out") == 0

    loaded = datasets.load_dataset(str(tmp_path / "out"))
    assert list(loaded) == ["train"]
    assert {row["problem_id"] for row in loaded["train"]} == {"shares", "clean"}
    provenance = {"source", "purpose", "policy_version", "iteration", "outcome", "training_sets"}
    assert provenance <= set(loaded["train"].column_names)


def test_held_out_questions_come_without_answers(run: RunFolder, tmp_path: Path) -> None:
    assert release(run, tmp_path / "out") == 0

    heldout = datasets.load_dataset(str(tmp_path / "out"), "heldout_questions", split="test")
    assert {row["id"]: row["question"] for row in heldout} == {one.id: one.question for one in HELDOUT}
    assert set(heldout.column_names) == {"id", "question", "source", "subject", "level"}


def test_the_hub_reads_the_header_of_the_card(run: RunFolder, tmp_path: Path) -> None:
    from huggingface_hub import DatasetCard

    assert release(run, tmp_path / "out", "--licence", "books|a=cc-by-4.0") == 0

    data = DatasetCard.load(tmp_path / "out/README.md").data
    assert data.license == ["apache-2.0", "cc-by-4.0"]
    assert data.size_categories == ["n<1K"]
    assert [config["config_name"] for config in yaml.safe_load(data.to_yaml())["configs"]] == [
        "solutions",
        "heldout_questions",
    ]
    assert read(tmp_path / "out", "licences.json") == {"books|a": "cc-by-4.0", "reasoning_gym/primes": "apache-2.0"}
    assert "| books\\|a | cc-by-4.0 | 3 |" in (tmp_path / "out/README.md").read_text()


def test_a_source_without_a_known_licence_says_so(run: RunFolder, tmp_path: Path) -> None:
    assert release(run, tmp_path / "out") == 0

    assert read(tmp_path / "out", "licences.json")["books|a"] == "unknown"


def test_statistics_count_the_rows(run: RunFolder, tmp_path: Path) -> None:
    assert release(run, tmp_path / "out") == 0

    found = read(tmp_path / "out", "statistics.json")
    assert found["sources"] == {"books|a": 3, "reasoning_gym/primes": 3}
    assert found["outcomes"] == {"accepted": 6}
    assert found["blocks"] == {"0": 2, "1": 2, "2": 2}
    assert (found["tokens"]["0.0"], found["tokens"]["0.5"], found["tokens"]["1.0"]) == (10, 20, 30)


def test_contamination_finds_thirteen_words_in_a_row(run: RunFolder, tmp_path: Path) -> None:
    assert release(run, tmp_path / "out") == 0

    found = read(tmp_path / "out", "contamination.json")
    assert (found["questions"], found["heldout"], found["short"], found["overlapping"]) == (2, 2, 1, 1)
    assert found["counts"] == {"exact": 0, "normalised": 0, "ngram": 1, "near_duplicate": 0, "template_twin": 0}
    assert found["overlaps"] == [{"measure": "ngram", "problem_id": "shares", "heldout_id": "h0"}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--layout", "trl"), "leave out layout trl"),
        (("--format", "jsonl"), "written as parquet, not as jsonl"),
        (("--split", "heldout"), "export split train"),
        (("--licence", "books"), "--licence books: write SOURCE=LICENCE"),
        (("--licence", "books=mit"), "no such source, only books|a, reasoning_gym/primes"),
        (("--licence", "books|a=MIT License"), "use an identifier of the Hub"),
    ],
)
def test_options_that_do_not_go_with_a_release_are_named(
    run: RunFolder, tmp_path: Path, options: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release(run, tmp_path / "out", *options) == 2

    assert message in capsys.readouterr().err
    assert not list(tmp_path.glob("*out*"))


def test_a_folder_may_be_called_release(run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert main(["export", "release", "--run", str(run.path)]) == 0

    assert (tmp_path / "release/data/train-00000.jsonl").exists()
