"""The status of runs that are driven, dead or stopped, on real stores."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from cluster.cli import main
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.console.status_screen import draw
from cluster.loop.run_status import current_state, read_status
from store.records import (
    Decision,
    ExecutionRecord,
    FaultKind,
    Outcome,
    Policy,
    Problem,
    Purpose,
    Rollout,
    Sampling,
    Split,
    Support,
    rollout_id,
)
from store.runs.figures import Figure, Measured
from store.runs.run_state import ActualState, DesiredState, RunState
from store.runs.samplers import SamplerState
from store.store import Store

type MakeRun = Callable[[ActualState, float], RunFolder]


def open_store(folder: RunFolder, config: RunConfig) -> Store:
    return Store.open(folder.store_url(config), create=False)


SCORES = (Figure(0.25, 100), Figure(0.75, 100, 0.0435, 0.66, 0.83, 2))  # the first as an earlier version stored it


def fill(store: Store) -> None:
    """Two policies, the second one of iteration 1; an open iteration 2; one rollout of two accepted."""
    store.problems.add(Problem(f"p{i}", f"What is {i}?", "1", "test", Split.TRAIN, f"k{i}") for i in range(4))
    store.problems.add([Problem("h", "What is h?", "1", "test", Split.HELDOUT, "kh")])
    for version in (0, 1):
        store.policies.add(Policy(version, version - 1 if version else None, f"policies/{version}", iteration=version))
        evaluation = store.evaluations.schedule(version, "heldout", sampling=Sampling(0.0))
        store.evaluations.finish(evaluation, Measured({"pass@1": SCORES[version]}, undecided=3 * version))
        store.policies.promote(version, "by hand")
    store.iterations.open(1, 0)
    store.iterations.close(1, {"policy_version": 1, "rollouts": 2, "accepted": 1, "seconds": {"sample": 2.0}})
    store.iterations.open(2, 1)
    store.iterations.schedule(2, problems=4, samples=1, sampling=Sampling())
    assignments = store.assignments.lease("test", 4, 60, purpose=Purpose.TRAIN).assignments
    for assignment, outcome in zip(assignments, (Outcome.ACCEPTED, Outcome.WRONG), strict=False):
        execution = ExecutionRecord("ok", "print(1)", "1\n")
        store.rollouts.add(
            [
                Rollout(
                    rollout_id(assignment.id, 0),
                    assignment.problem.id,
                    Purpose.TRAIN,
                    outcome,
                    "tir",
                    (1,),
                    (2, 3),
                    (True, True),
                    executions=(execution,),
                    answer="1",
                    assignment_id=assignment.id,
                )
            ]
        )


def test_the_latest_decision_on_a_promotion_is_shown_in_plain_words(make_run: MakeRun, config: RunConfig) -> None:
    folder = make_run(ActualState.STOPPED)
    with open_store(folder, config) as store:
        fill(store)
        before = shown(store, folder, config)
        store.policies.decide(1, Decision.NOT_PROMOTED, {"reason": "it is worse than policy 0"}, "it is worse")
        after = shown(store, folder, config)
        policy = read_status(store, folder, config).policies[1]
    assert "promotion" not in before
    assert "v1 not promoted: it is worse than policy 0" in after
    assert (policy["decision"], policy["assessment"]) == ("not_promoted", {"reason": "it is worse than policy 0"})


def shown(store: Store, folder: RunFolder, config: RunConfig) -> str:
    console = Console(width=120)
    with console.capture() as capture:
        console.print(draw(read_status(store, folder, config)))
    return capture.get()


def test_json_has_what_scripts_rely_on(
    make_run: MakeRun, config: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(ActualState.RUNNING)
    with open_store(folder, config) as store:
        fill(store)
        store.run.set_actual(ActualState.RUNNING, iteration=1, checkpoint="checkpoints/1")
        store.run.heartbeat("sampling (2 of 4)")
        store.run.set_targets(iterations=5)

    assert main(["status", "--json", "--run", str(folder.path)]) == 0

    status = json.loads(capsys.readouterr().out)
    assert status["state"] == "running"
    assert status["iteration"] == 2
    assert status["policy"] == {"version": 1, "promoted_version": 1}
    assert status["problems"] == {"train": 4, "heldout": 1, "excluded": 0}
    assert status["rollouts"] == {
        "total": 2,
        "accepted": 1,
        "acceptance_rate": 0.5,
        "by_outcome": {"accepted": 1, "wrong": 1},
    }
    assert status["faults"] == {"train": {}, "eval": {}, "retries": {}, "warning": None}
    assert status["executions"] == {"total": 2, "by_status": {"ok": 2}}
    assert {key: status["evaluations"][1][key] for key in ("policy_version", "benchmark", "metric", "value", "n")} == {
        "policy_version": 1,
        "benchmark": "heldout",
        "metric": "pass@1",
        "value": 0.75,
        "n": 100,
    }
    errors = ("standard_error", "low", "high", "missing", "undecided")
    assert {key: status["evaluations"][1][key] for key in errors} == {
        "standard_error": 0.0435,
        "low": 0.66,
        "high": 0.83,
        "missing": 2,
        "undecided": 3,
    }
    assert status["evaluations"][0]["standard_error"] == pytest.approx(0.0433, abs=1e-4)
    assert status["store_url"].startswith("sqlite:///")
    assert status["checkpoint"] == "checkpoints/1"
    assert status["progress"] == {"done": 2, "scheduled": 4}
    assert (status["iterations_done"], status["iterations_asked"]) == (1, 5)
    assert status["activity"] == "sampling (2 of 4)"
    assert status["samplers"] == []


def test_many_faults_of_the_latest_iteration_are_a_warning(
    make_run: MakeRun, config: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(ActualState.RUNNING)
    with open_store(folder, config) as store:
        fill(store)
        store.iterations.close(1, {"fault_retries": {"sandbox": 3, "engine": 1}})
        store.assignments.release("test")
        (assignment, *_) = store.assignments.lease("other", 4, 60, purpose=Purpose.TRAIN).assignments
        name, problem = rollout_id(assignment.id, 0), assignment.problem.id
        fault = Rollout(name, problem, Purpose.TRAIN, Outcome.FAULT, "tir", (1,), (), (), assignment_id=assignment.id)
        before = read_status(store, folder, config)
        store.rollouts.add([replace(fault, fault=FaultKind.SANDBOX)])
        after = read_status(store, folder, config)

    assert before.faults["warning"] is None
    assert after.rollouts["acceptance_rate"] == before.rollouts["acceptance_rate"] == 0.5
    assert after.faults["train"] == {"sandbox": 1}
    assert after.faults["retries"] == {"sandbox": 3, "engine": 1}
    assert after.faults["warning"].startswith("33.3 % of the attempts of iteration 2 ended in a fault (sandbox 1)")
    assert main(["status", "--run", str(folder.path)]) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert "33.3 % of the attempts of iteration 2 ended in a fault (sandbox 1)" in shown
    assert "training: sandbox 1; retries: sandbox 3, engine 1" in shown
    assert "50.0 % of the training rollouts that count" in shown


def test_a_fall_of_the_supported_share_is_shown_with_the_shares(
    make_run: MakeRun, config: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(ActualState.RUNNING)
    with open_store(folder, config) as store:
        store.policies.add(Policy(0, None, "policies/0"))
        for number, supported in ((1, 96), (2, 70)):
            store.iterations.open(number, 0)
            store.iterations.close(number, {"support": {"supported": supported, "unsupported": 100 - supported}})

    assert main(["status", "--json", "--run", str(folder.path)]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["support"][1] == {"iteration": 2, "supported": 70, "unsupported": 30, "no_code": 0}
    assert "from 96.0 % in iteration 1 to 70.0 % in iteration 2" in status["support_alarm"]

    assert main(["status", "--run", str(folder.path)]) == 0
    out = capsys.readouterr().out
    assert "alarm" in out
    assert "70.0" in out


def test_the_support_of_an_open_iteration_is_counted(make_run: MakeRun, config: RunConfig) -> None:
    folder = make_run(ActualState.RUNNING)
    with open_store(folder, config) as store:
        store.problems.add([Problem("p", "What is p?", "1", "test", Split.TRAIN, "k")])
        store.policies.add(Policy(0, None, "policies/0"))
        store.iterations.open(1, 0)
        store.iterations.schedule(1, problems=1, samples=2, sampling=Sampling())
        assert read_status(store, folder, config).support == ()
        (assignment,) = store.assignments.lease("test", 1, 60).assignments
        judged = Rollout(
            rollout_id(assignment.id, 0), assignment.problem.id, Purpose.TRAIN, Outcome.ACCEPTED, "tir", (1,), (2,),
            (True,), answer="1", assignment_id=assignment.id, support=Support.NO_CODE,
        )  # fmt: skip
        store.rollouts.add([judged])
        status = read_status(store, folder, config)
    assert status.support == ({"iteration": 1, "supported": 0, "unsupported": 0, "no_code": 1},)
    assert status.support_alarm is None


def test_a_run_that_has_just_started_can_be_shown(make_run: MakeRun, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_run(ActualState.STARTING)

    assert main(["status", "--run", str(folder.path)]) == 0

    out = capsys.readouterr().out
    assert "starting" in out
    assert "none yet" in out


def test_the_screen_fits_eighty_columns_and_shows_the_scores(make_run: MakeRun, config: RunConfig) -> None:
    folder = make_run(ActualState.RUNNING)
    with open_store(folder, config) as store:
        fill(store)
        status = read_status(store, folder, config)
    console = Console(width=80, record=True)

    console.print(draw(status))

    text = console.export_text()
    assert "25.0 ± 4.3" in text
    assert "75.0 ± 4.3" in text
    assert "v1: 100 of 102 problems; 2 lack samples after system faults;" in " ".join(text.split())
    assert "3 attempts without a verdict of the checker, counted as not correct" in " ".join(text.split())
    assert "v0:" not in text
    assert "v1 ★" in text
    assert "iteration 2" in text
    assert "…" not in text


def state_after(folder: RunFolder, actual: ActualState, age_s: float) -> str:
    return current_state(RunState(DesiredState.RUNNING, actual, 1, None, 1000.0), 1000.0 + age_s, folder)


def test_an_active_run_without_a_heartbeat_is_dead_and_a_stopped_one_stays_stopped(run: RunFolder) -> None:

    assert state_after(run, ActualState.RUNNING, 30) == "running"
    assert state_after(run, ActualState.STARTING, 90) == "dead"
    assert state_after(run, ActualState.RUNNING, 90) == "dead"
    assert state_after(run, ActualState.PAUSED, 90) == "dead"
    assert state_after(run, ActualState.STOPPED, 9000) == "stopped"
    assert state_after(run, ActualState.FAILED, 9000) == "failed"


def test_status_without_any_run_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--runs", str(tmp_path)]) == 2
    assert "there is no run in" in capsys.readouterr().err


def test_a_run_without_a_heartbeat_whose_driver_lives_here_is_silent(run: RunFolder) -> None:
    with run.lock():
        assert state_after(run, ActualState.RUNNING, 90) == "silent"
        assert state_after(run, ActualState.RUNNING, 30) == "running"
        assert state_after(run, ActualState.STOPPED, 90) == "stopped"


def test_what_each_sampler_does_is_shown_with_what_holds_it_up(
    make_run: MakeRun, config: RunConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_run(ActualState.RUNNING)
    with open_store(folder, config) as store:
        for _ in range(3):
            store.samplers.register("sampler-1", "here")
        store.samplers.register("sampler-2", "there")
        store.samplers.report("sampler-2", SamplerState.WAITING, 4, "waits for the store: it is full", progressed=False)

    assert main(["status", "--json", "--run", str(folder.path)]) == 0
    first, second = json.loads(capsys.readouterr().out)["samplers"]
    assert (first["name"], first["state"], first["starts"]) == ("sampler-1", "starting", 3)
    assert (second["state"], second["policy_version"], second["host"]) == ("waiting", 4, "there")

    assert main(["status", "--run", str(folder.path)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "3 starts" in shown
    assert "waits for the store: it is full" in shown


def test_the_activity_of_a_run_that_ended_is_not_shown(make_run: MakeRun, config: RunConfig) -> None:
    folder = make_run(ActualState.STOPPED)
    with open_store(folder, config) as store:
        store.run.heartbeat("sampling (2 of 4)")
        assert read_status(store, folder, config).activity is None


def test_the_iterations_asked_for_are_those_of_the_configuration_unless_others_were_asked_for(
    make_run: MakeRun, config: RunConfig
) -> None:
    folder = make_run(ActualState.RUNNING)
    with open_store(folder, config) as store:
        assert read_status(store, folder, config).iterations_asked == config.iteration.count
        store.run.set_targets(iterations=9)
        assert read_status(store, folder, config).iterations_asked == 9


def test_the_origin_of_a_policy_is_known_while_its_iteration_is_open(run: RunFolder, config: RunConfig) -> None:
    with open_store(run, config) as store:
        control = {"mode": "demonstrations_only"}
        for version, iteration, made in ((0, 0, {}), (1, 0, {}), (2, 1, {}), (3, 1, control)):
            parent = version - 1 if version else None
            store.policies.add(Policy(version, parent, f"policies/{version}", config=made, iteration=iteration))
        store.iterations.open(1, policy_version=1)
        status = read_status(store, run, config)
    assert [policy["origin"] for policy in status.policies] == ["base", "warm start", "iteration 1", "control 1"]
    console = Console(width=120)
    with console.capture() as capture:
        console.print(draw(status))
    assert "v2      iteration 1" in capture.get()
