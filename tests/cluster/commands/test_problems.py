"""Listing and showing the problems of a run through the command line."""

import json
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.run_folder import RunFolder
from store.records import Policy, Problem, Sampling


def problems(run: RunFolder, *options: str) -> int:
    action, *rest = options
    return main(["problems", action, *rest, "--run", str(run.path)])


def test_listing_as_json_prints_one_object_per_line(
    run: RunFolder, problems_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems(run, "import", str(problems_file), "--split", "train")
    capsys.readouterr()

    assert problems(run, "list", "--json", "--limit", "3") == 0

    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(rows) == 3
    assert {"id", "question", "answer", "split", "source"} <= set(rows[0])


def test_listing_filters_by_split_and_removes_control_characters(
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


def test_a_problem_is_shown_with_its_label_and_attempts(
    run: RunFolder, problems_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    problems(run, "import", str(problems_file), "--answer-from", "gsm8k")
    with run.open_store(run.read_config()) as store:
        problem = next(store.problems.iterate())
        store.labels.change(problem.id, "1000", "ada", "a test")
    capsys.readouterr()

    assert problems(run, "show", problem.id) == 0

    output = capsys.readouterr().out
    assert problem.question in output
    assert "answer: 1000" in output
    assert f"was {problem.answer} until ada: a test" in output
    assert "0 rollouts: none" in output


def test_a_missing_problem_is_named(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert problems(run, "show", "nobody") == 2

    assert "no problem 'nobody'" in capsys.readouterr().err


@pytest.fixture
def attempted(run: RunFolder, problems_file: Path, capsys: pytest.CaptureFixture[str]) -> Problem:
    """A problem of a run whose first iteration scheduled all problems by difficulty."""
    problems(run, "import", str(problems_file), "--answer-from", "gsm8k", "--split", "train")
    with run.open_store(run.read_config()) as store:
        store.policies.add(Policy(store.policies.next_version(), None, "policies/1"))
        store.iterations.open(1, policy_version=1)
        store.iterations.schedule(1, 100, 4, Sampling(), rule="by_difficulty")
        found = next(problem for problem in store.problems.iterate() if store.iterations.effort(problem.id).decisions)
    capsys.readouterr()
    return found


def test_a_problem_is_shown_with_the_decisions_of_the_schedule(
    run: RunFolder, attempted: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "show", attempted.id) == 0

    output = capsys.readouterr().out
    assert "none yet" in output
    assert "50%" in output
    assert "fewest_attempts_first: comes after problems with fewer attempts than" in output


def test_the_decisions_of_the_schedule_are_in_the_json(
    run: RunFolder, attempted: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "show", attempted.id, "--json") == 0

    effort = json.loads(capsys.readouterr().out)["effort"]
    (decision,) = effort["decisions"]
    assert decision["iteration"] == 1
    assert decision["pass_rate"] == 0.5
    assert effort["attempts"] == decision["samples"] == effort["worth"]["pending"]
    assert effort["rule"] == "fewest_attempts_first"
    assert effort["reason"]


def test_a_problem_is_found_by_a_part_of_its_question(
    run: RunFolder, attempted: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "show", attempted.question[3:]) == 0

    assert attempted.id in capsys.readouterr().out


def test_a_text_that_several_problems_contain_is_an_error_that_lists_them(
    run: RunFolder, attempted: Problem, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(run, "show", attempted.id[:3]) == 2

    message = capsys.readouterr().err
    assert "several problems" in message
    assert "Give one of these ids" in message
