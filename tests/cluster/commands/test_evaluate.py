"""What `automathes eval` refuses, and what it prints without sampling anything."""

import json
import os
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.records import Outcome, Policy, Problem, Rollout, Sampling, Split, rollout_id
from store.runs.run_state import ActualState
from store.store import Store


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A stopped run with one policy and its greedy attempts at four held-out problems: 2 right, 1 wrong, 1 fault."""
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path, "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add(Problem(f"p{i}", f"What is {i}?", "1", "test", Split.HELDOUT, f"k{i}") for i in range(4))
        store.policies.add(Policy(0, None, str(tmp_path)))
        store.evaluations.schedule(0, "heldout", sampling=Sampling(0.0), limit=config.evaluation.problems)
        outcomes = (Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.WRONG, Outcome.FAULT)
        for assignment, outcome in zip(store.assignments.lease("test", 4, 60).assignments, outcomes, strict=True):
            name, problem = rollout_id(assignment.id, 0), assignment.problem.id
            rollout = Rollout(
                name,
                problem,
                assignment.purpose,
                outcome,
                "tir",
                (1,),
                (2,),
                (True,),
                answer=None if outcome is Outcome.FAULT else "1",
                assignment_id=assignment.id,
            )
            store.rollouts.add([rollout])
        store.run.set_actual(ActualState.STOPPED)
    return folder


def evaluate(run: RunFolder, *options: str) -> int:
    return main(["eval", "--run", str(run.path), *options])


def test_attempts_in_the_store_are_counted_and_not_repeated(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(run, "--json") == 0

    found = json.loads(capsys.readouterr().out)
    assert found["policy_version"] == 0
    assert found["benchmark"] == "heldout"
    assert (found["n"], found["faults"]) == (3, 1)
    assert found["figures"]["pass@1"] == {
        "value": pytest.approx(2 / 3),
        "n": 3,
        "standard_error": pytest.approx(1 / 3),
        "low": 0.0,
        "high": 1.0,
        "missing": 1,
    }
    assert (found["undecided"], found["unverifiable"]) == (0, 0)
    with Store.open(run.store_url(run.read_config()), create=False) as store:
        assert [(one.metric, one.figure.n) for one in store.evaluations.figures()] == [("pass@1", 3)]


def test_the_table_states_the_faults_that_are_not_counted(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(run) == 0

    out = capsys.readouterr().out
    assert "66.7 ± 33.3" in out
    assert "pass@1 over 3 of 4 problems; 1 lacks samples after system faults" in out
    assert "1 attempt ended in an infrastructure fault and is not counted" in out


def test_a_run_with_a_driver_is_refused(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with run.lock():
        assert evaluate(run) == 2

    assert f"is locked by process {os.getpid()}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--policy", "7"], "it has v0"),
        (["--samples", "0"], "must be 1 or more"),
        (["--problems", "0"], "must be 1 or more"),
        (["--temperature", "3"], "between 0 (greedy) and 2"),
        (["--samples", "4", "--temperature", "0"], "all the same"),
    ],
)
def test_wrong_options_are_refused_in_one_line(
    run: RunFolder, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(run, *options) == 2

    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1
