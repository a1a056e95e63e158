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


def written(folder: RunFolder, server: TeacherServer, capsys, *options: str) -> dict[str, object]:
    teacher = ("--model", MODEL, "--base-url", server.url, "--price", PRICE, "--budget", "1")
    return augment(folder, capsys, *teacher, *options)


def test_a_teacher_rephrases_questions_once(folder: RunFolder, server, capsys) -> None:
    server.rewrite = lambda question: "Add 4 and 9: what do you get?"
    found = written(folder, server, capsys, "--method", "rephrase")
    assert (found["added"], found["teacher"]["attempts"]) == (1, {"accepted": 1})
    assert [one.question for one in server.asked] == [QUESTION]  # neither the held-out problem nor a candidate
    found = written(folder, server, capsys, "--method", "rephrase")
    assert (found["added"], found["known"], len(server.asked)) == (0, 1, 1)
    with folder.open_store(folder.read_config()) as store:
        (one,) = next(iter(store.problems.candidates()))
        assert (one.question, one.answer, one.made_by) == ("Add 4 and 9: what do you get?", "13", "rephrase")
        assert list(store.annotations.kept()) == []  # a question is no solution


def test_more_for_each_problem_add_to_what_was_written(folder: RunFolder, server, capsys) -> None:
    server.rewrite = lambda asked: f"It is known that {asked.splitlines()[0][18:-1]} makes 13."
    for most, added in (("1", 1), ("3", 1)):
        found = written(folder, server, capsys, "--method", "self_verify", "--per-problem", most)
        assert found["added"] == added
    assert found["teacher"]["attempts"] == {"accepted": 2, "no_answer": 1}  # the question has two numbers
    assert len(server.asked) == 2
    with folder.open_store(folder.read_config()) as store:
        assert {one.answer for one in next(iter(store.problems.candidates()))} == {"4", "9"}


def test_a_question_in_the_words_of_a_held_out_one_is_left_out(folder: RunFolder, server, capsys) -> None:
    server.rewrite = lambda question: "What is 5 + 5?"
    found = written(folder, server, capsys, "--method", "rephrase")
    assert (found["added"], found["withdrawn"]) == (0, 1)  # nor is its parent trained on: it may be the same problem


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--method", "rephrase"], "which teacher?"),
        (["--method", "rephrase", "--model", "m", "--price", "1,1"], "set the most that may be spent"),
        (["--method", "rephrase", "--model", "m", "--price", "0,0", "--dry-run"], "try --limit 5 instead"),
        (["--method", "fobar", "--model", "m"], "asks no teacher"),
    ],
)
def test_what_a_teacher_needs_is_named(folder: RunFolder, capsys, options: list[str], told: str) -> None:
    assert main(["augment", "--run", str(folder.path), *options]) == 2
    assert told in capsys.readouterr().err
