"""Auditing labels and deciding on reviews through the command line."""

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.records import (
    ExecutionRecord,
    Outcome,
    Policy,
    Problem,
    Rollout,
    Sampling,
    Segment,
    SegmentKind,
    Split,
    rollout_id,
)
from store.store import Store

PROGRAMS = ("print({0})", "x = {0}\nprint(x)", "print({0} + 0)", "print(1 * {0})", "x = {0}\ny = 0\nprint(x + y)")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """Forty solved problems, and one whose attempts agree on 7 although its label is 1."""
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path / "runs", "test")
    folder.write_config(config)
    answers = {f"right-{i}": "1" for i in range(40)} | {"doubtful": "7"}
    with Store.open(folder.store_url(config)) as store:
        store.problems.add(Problem(name, f"What is {name}?", "1", "test", Split.TRAIN, name) for name in answers)
        store.policies.add(Policy(1, None, "policies/1"))
        store.iterations.open(1, 1)
        store.iterations.schedule(1, len(answers), 6, Sampling())
        store.rollouts.add(
            _attempt(assignment.id, sample, assignment.problem.id, answers[assignment.problem.id], assignment.purpose)
            for assignment in store.assignments.lease("test", 6 * len(answers), 60).assignments
            for sample in assignment.pending
        )
    return folder


def _attempt(assignment: int, sample: int, problem: str, answer: str, purpose: Any) -> Rollout:
    code = PROGRAMS[sample % len(PROGRAMS)].format(answer)
    return Rollout(
        rollout_id(assignment, sample),
        problem,
        purpose,
        Outcome.ACCEPTED if answer == "1" else Outcome.WRONG,
        "tir",
        (1,),
        (2,),
        (True,),
        segments=(Segment(SegmentKind.CODE, code), Segment(SegmentKind.OUTPUT, answer)),
        executions=(ExecutionRecord("ok", code, f"{answer}\n"),),
        answer=f"{answer}.0" if sample else answer,
        assignment_id=assignment,
    )


def command(run: RunFolder, *arguments: str) -> int:
    return main([*arguments, "--run", str(run.path)])


def label(run: RunFolder) -> str:
    with run.open_store(run.read_config()) as store:
        return store.problems.get("doubtful").answer


@pytest.fixture
def audited(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> RunFolder:
    assert command(run, "problems", "audit") == 0
    capsys.readouterr()
    return run


def test_an_audit_names_the_label_and_says_what_to_do_next(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(run, "problems", "audit") == 0

    output = capsys.readouterr().out
    assert "doubtful" in output
    assert "right-" not in output
    assert "1 labels in doubt, 1 of them new" in output
    assert "`automathes review`" in output


def test_an_audit_as_json_is_one_object(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(run, "problems", "audit", "--json") == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["new"], found["open"]) == (1, 1)
    assert found["found"][0]["problem_id"] == "doubtful"
    assert found["found"][0]["score"] > 0.9


def test_status_shows_labels_in_doubt(audited: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(audited, "status") == 0
    assert "labels in doubt" in capsys.readouterr().out

    assert command(audited, "status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["reviews"] == {"open": 1, "accepted": 0, "rejected": 0}


def test_without_a_terminal_reviews_are_listed(audited: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(audited, "review") == 0

    output = capsys.readouterr().out
    assert "doubtful" in output
    assert "1 open, 0 accepted, 0 rejected" in output


def test_a_review_is_shown_with_the_programs_that_support_it(
    audited: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(audited, "review", "1") == 0

    output = capsys.readouterr().out
    assert "What is doubtful?" in output
    assert "label 1; proposed 7" in output
    assert "print(7)" in output

    assert command(audited, "review", "1", "--json") == 0
    assert len(json.loads(capsys.readouterr().out)["attempts"]) == 3


def test_an_accepted_correction_is_stored_with_its_reason_and_rescores_the_rollouts(
    audited: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = "review", "1", "--accept", "--reason", "seen", "--by", "ada"
    assert command(audited, *decision) == 0
    assert "6 became correct and 0 wrong" in capsys.readouterr().out
    assert label(audited).removesuffix(".0") == "7"

    assert command(audited, *decision) == 0
    assert "0 became correct and 0 wrong" in capsys.readouterr().out

    assert command(audited, "problems", "show", "doubtful", "--json") == 0
    shown = json.loads(capsys.readouterr().out)
    assert [(change["old_answer"], change["changed_by"]) for change in shown["label_history"]] == [("1", "ada")]
    assert shown["outcomes"] == {"accepted": 6}


def test_a_reviewer_may_know_another_answer_than_was_proposed(
    audited: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    decision = "review", "1", "--accept", "--answer", "8", "--reason", "neither is right", "--by", "ada"
    assert command(audited, *decision) == 0
    assert "0 became correct" in capsys.readouterr().out
    assert label(audited) == "8"
    assert command(audited, "review", "--status", "all", "--json") == 0
    reviews = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (accepted,) = (one for one in reviews if one["status"] == "accepted")
    assert (accepted["label"], accepted["proposed_answer"], accepted["proposed_by"]) == ("1", "8", "ada")
    assert "open" not in {one["status"] for one in reviews}, "the other proposal is settled with it"


def test_an_answer_that_was_proposed_is_that_proposal(audited: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(audited, "review", "1", "--accept", "--answer", "14/2", "--reason", "seen", "--json") == 0
    (decided,) = json.loads(capsys.readouterr().out)
    assert (decided["id"], decided["status"]) == (1, "accepted")


def test_a_rejected_correction_changes_nothing(audited: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(audited, "review", "1", "--reject", "--reason", "as in the book", "--json") == 0

    (decided,) = json.loads(capsys.readouterr().out)
    assert (decided["status"], decided["reason"], decided["rescored"]) == ("rejected", "as in the book", None)
    assert label(audited) == "1"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1", "--accept"), "--reason"),
        (("--accept", "--reason", "seen"), "numbers of reviews"),
        (("1", "--reason", "seen"), "--accept or --reject"),
        (("7",), "no review 7"),
        (("1", "--answer", "8"), "give one number and --accept"),
        (("1", "--accept", "--answer", " ", "--reason", "seen"), "--answer is empty"),
        (("1", "--accept", "--answer", "1.0", "--reason", "seen"), "1.0 is the label, 1: --reject keeps it"),
        (("1", "--accept", "--answer", "((", "--reason", "seen"), "cannot read"),
        (("1", "--list"), "omit the numbers"),
        (("1", "--status", "open"), "omit the numbers"),
    ],
)
def test_contradictory_or_missing_options_are_named(
    audited: RunFolder, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(audited, "review", *arguments) == 2

    assert message in capsys.readouterr().err
    assert label(audited) == "1"


def test_on_a_terminal_it_steps_through_the_open_reviews(audited: RunFolder) -> None:
    """Each answer is typed once its prompt appears: the decision, and the reason."""
    ours, theirs = pty.openpty()
    program = "import sys; from cluster.cli import main; sys.exit(main())"
    arguments = [sys.executable, "-c", program, "review", "--run", str(audited.path), "--by", "ada"]
    process = subprocess.Popen(arguments, stdin=theirs, stdout=theirs, stderr=theirs, cwd=Path(__file__).parents[3])
    os.close(theirs)
    try:
        output = _converse(ours, {"(a)ccept": b"a\n", "reason": b"seen\n"})
        assert process.wait(60) == 0
    finally:
        process.kill()
        os.close(ours)
    assert "review 1 accepted" in output
    assert label(audited).removesuffix(".0") == "7"


def _converse(terminal: int, answers: dict[str, bytes]) -> str:
    """Type each answer once its prompt appears; return all output."""
    output, waiting, deadline_s = "", dict(answers), time.monotonic() + 120
    while time.monotonic() < deadline_s:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            output += os.read(terminal, 65_536).decode(errors="replace")
        except OSError:  # the other end is closed
            break
        for question in [question for question in waiting if question in output]:
            os.write(terminal, waiting.pop(question))
    return output
