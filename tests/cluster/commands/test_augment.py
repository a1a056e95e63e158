"""`automathes augment` as a user starts it: questions made, attempted, confirmed and trained on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.problems.sources.rows.splitting import question_key
from store.records import Problem, Split
from store.store import Store

from ...teacher_server import MODEL, PRICE, TeacherServer, teacher_server

QUESTION = "What is 4 + 9?"


@pytest.fixture
def server() -> Iterator[TeacherServer]:
    with teacher_server() as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run with one sum to train on and one held out, whose sandbox starts at once."""
    config = load_config("demo", None, ["sandbox.preload=[]", "answer_checker.symbolic=false"])
    folder = new_run_folder(tmp_path / "runs", "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        key, heldout = question_key(QUESTION), question_key("What is 5 + 5?")
        store.problems.add([
            Problem("p", QUESTION, "13", "sums", Split.TRAIN, key),
            Problem("h", "What is 5 + 5?", "10", "sums", Split.HELDOUT, heldout),
        ])  # fmt: skip
    return folder


def augment(folder: RunFolder, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert main(["augment", "--run", str(folder.path), *options, "--json"]) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_candidates_are_made_of_training_problems_once(folder: RunFolder, capsys) -> None:
    assert augment(folder, capsys, "--per-problem", "3", "--dry-run")["added"] == 2
    assert augment(folder, capsys)["added"] == 1
    made = augment(folder, capsys, "--per-problem", "3")
    assert (made["added"], made["known"]) == (1, 1)
    assert made["problems"] == {"train": 1, "heldout": 1, "excluded": 0, "candidate": 2}


def test_a_candidate_whose_answer_a_teacher_confirms_is_trained_on(folder: RunFolder, server, capsys) -> None:
    with folder.open_store(folder.read_config()) as store:  # a question that the teacher understands
        key = question_key(QUESTION)
        made = Problem("c", "What is 6 + 7?", "13", "sums", Split.CANDIDATE, "made", parent_key=key, made_by="rephrase")
        store.problems.add([made])
    teacher = ["--model", MODEL, "--base-url", server.url, "--price", PRICE, "--budget", "1"]
    assert augment(folder, capsys, "--accept")["open"] == 1
    options = ["--candidates", "--samples", "2", "--temperatures", "0,0.5", "--json"]
    assert main(["annotate", "--run", str(folder.path), *teacher, *options]) == 0
    assert {one.question for one in server.asked} == {"What is 6 + 7?"}
    capsys.readouterr()
    found = augment(folder, capsys, "--accept")
    assert (found["confirmed"], found["open"]) == (1, 0)
    assert found["problems"] == {"train": 2, "heldout": 1, "excluded": 0}
    with folder.open_store(folder.read_config()) as store:
        assert {one.problem.id for one in store.annotations.kept("tir")} == {"c"}


def test_a_store_without_candidates_says_how_to_make_some(folder: RunFolder, server, capsys) -> None:
    teacher = ["--model", MODEL, "--base-url", server.url, "--price", PRICE, "--budget", "1"]
    assert main(["annotate", "--run", str(folder.path), *teacher, "--candidates"]) == 2
    assert "automathes augment --method fobar" in capsys.readouterr().err
