"""Deciding on collected completions through the command line."""

import json

import pytest

from cluster.cli import main
from cluster.config.run_folder import RunFolder
from store.records import CollectedAnswer, Completion, Rating

QUESTION = "How many marbles do Tom and Anna have together if each of them has nine?"


@pytest.fixture
def collected(run: RunFolder) -> RunFolder:
    """Three completions: rated as correct, rated as wrong with a hostile comment, and not rated."""
    questions = QUESTION, "What is the sum of 2 and 2 in base three?", "Hello?"
    with run.open_store(run.read_config()) as store:
        for number, question in enumerate(questions):
            answer = CollectedAnswer("I add.\n\\boxed{18}", "18", "stop", 3)
            messages = ({"role": "user", "content": question},)
            store.feedback.collect([Completion(f"c{number}", "automathes/test@v3", messages, {}, 1.0, (answer,))])
        store.feedback.rate(Rating("c0", 0, 1))
        store.feedback.rate(Rating("c1", 0, -1, None, "\x1b[31mno"))
    return run


def command(run: RunFolder, *arguments: str) -> int:
    return main(["review", "--collected", *arguments, "--run", str(run.path)])


def training_problems(run: RunFolder) -> list[tuple[str, str, str]]:
    with run.open_store(run.read_config()) as store:
        return [(problem.question, problem.answer, problem.source) for problem in store.problems.iterate()]


def test_rated_completions_are_listed(collected: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(collected) == 0
    output = capsys.readouterr().out
    assert "How many marbles" in output
    assert "Hello" not in output
    assert "1 unrated, 2 open, 0 accepted, 0 rejected" in output

    assert command(collected, "--status", "all", "--json") == 0
    assert len(capsys.readouterr().out.splitlines()) == 3


def test_a_completion_is_shown_without_what_would_move_a_terminal(
    collected: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(collected, "2") == 0
    output = capsys.readouterr().out
    assert "rated wrong" in output
    assert "[31mno" in output
    assert "\x1b[31mno" not in output


def test_an_accepted_one_becomes_a_problem_with_the_answer_that_was_rated_as_correct(
    collected: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(collected, "1", "--accept", "--reason", "counted", "--by", "ada") == 0
    assert "completion 1 is now training problem feedback-" in capsys.readouterr().out
    assert training_problems(collected) == [(QUESTION, "18", "feedback")]


def test_an_answer_can_be_given(collected: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    decision = "2", "--accept", "--answer", "11", "--reason", "counted", "--json"
    assert command(collected, *decision) == 0
    (decided,) = json.loads(capsys.readouterr().out)
    assert decided["status"] == "accepted"
    assert [answer for _, answer, _ in training_problems(collected)] == ["11"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("2", "--accept", "--reason", "x"), "add --answer TEXT"),
        (("1", "2", "--accept", "--answer", "1", "--reason", "x"), "one number"),
        (("1", "--accept", "--answer", "((", "--reason", "x"), "cannot read '(('"),
        (("1", "--accept", "--answer", "see solution", "--reason", "x"), "is no answer"),
        (("1", "--accept"), "--reason"),
        (("9", "--reject", "--reason", "x"), "no collected completion 9"),
    ],
)
def test_what_is_missing_or_wrong_is_named(
    collected: RunFolder, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(collected, *arguments) != 0
    assert message in capsys.readouterr().err
    assert training_problems(collected) == []


def test_a_rejected_one_stays_out_of_the_problems(collected: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(collected, "1", "--reject", "--reason", "unclear") == 0
    assert "completion 1 rejected" in capsys.readouterr().out
    assert command(collected, "1", "--accept", "--reason", "clear") != 0
    assert training_problems(collected) == []
