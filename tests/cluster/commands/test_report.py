"""Collecting a report from a run's store, through the command line."""

from dataclasses import asdict
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from cluster.loop.promotion import assess, record_decision
from cluster.report.collecting import collect
from eval.metrics import compute_figures
from store.records import Outcome, Policy, PolicySpan, Problem, Rollout, Sampling, Split, rollout_id
from store.store import Store


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A base, a warm start that gets one of two held-out problems right, and an iteration that gets both."""
    config = load_config("demo", None, ["promotion.rule=always"])
    folder = new_run_folder(tmp_path, "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add(Problem(f"p{i}", f"What is {i}?", "1", "test", Split.HELDOUT, f"k{i}") for i in range(2))
        store.problems.add([Problem("t", "What is t?", "1", "test", Split.TRAIN, "kt")])
        for version in range(3):
            parent = version - 1 if version else None
            store.policies.add(Policy(version, parent, f"policies/{version}", iteration=max(0, version - 1)))
        store.iterations.open(1, 1)
        store.iterations.schedule(1, 1, 2, Sampling())
        attempt(store, 1, [Outcome.ACCEPTED, Outcome.WRONG])
        for version, outcomes in ((1, [Outcome.ACCEPTED, Outcome.WRONG]), (2, [Outcome.ACCEPTED] * 2)):
            evaluation = store.evaluations.schedule(version, "heldout", sampling=Sampling(0.0))
            attempt(store, version, outcomes)
            store.evaluations.finish(evaluation, compute_figures(store.evaluations.answers(evaluation), 1))
            policy = store.policies.get(version)
            assessment = assess(store, policy, config)
            record_decision(store, policy, assessment)
        assert assessment.comparison is not None
        metrics = {"policy_version": 2, "loss": 0.5, "blocks": 0, "seconds": {"sample": 3.0}}
        store.iterations.close(1, metrics | {"comparison": asdict(assessment.comparison)})
    return folder


def attempt(store: Store, version: int, outcomes: list[Outcome]) -> None:
    left = list(outcomes)
    for assignment in store.assignments.lease("test", 100, 60, held=version, pinned=version).assignments:
        for sample in assignment.pending:
            rollout = Rollout(
                rollout_id(assignment.id, sample),
                assignment.problem.id,
                assignment.purpose,
                left.pop(0),
                "tir",
                (1,),
                (2,),
                (True,),
                (PolicySpan(version, 0, 1),),
                answer="1",
                assignment_id=assignment.id,
            )
            store.rollouts.add([rollout])


def test_a_report_has_the_origin_and_score_of_every_policy(run: RunFolder) -> None:
    config = run.read_config()
    with Store.open(run.store_url(config), create=False) as store:
        report = collect(store, run, config)

    found = [(p.label, p.figure and p.figure.value, p.was_promoted, p.served) for p in report.policies]
    assert found == [
        ("base", None, False, False),
        ("warm start", 0.5, True, False),
        ("iteration 1", 1.0, True, True),
    ]
    assert report.start_version == 1
    assert [(i.number, i.policy_version, i.accepted, i.rollouts) for i in report.iterations] == [(1, 2, 1, 2)]
    assert len(report.before_after) == 1
    then, now = report.before_after[0]
    assert then.problem == now.problem
    assert (then.rollout.outcome, now.rollout.outcome) == (Outcome.WRONG, Outcome.ACCEPTED)


def test_a_report_compares_policies_on_the_same_problems(run: RunFolder) -> None:
    config = run.read_config()
    with Store.open(run.store_url(config), create=False) as store:
        report = collect(store, run, config)

    assert report.gain is not None
    assert (report.gain.ours, report.gain.theirs, report.gain.difference, report.gain.n) == (1.0, 0.5, 0.5, 2)
    assert [policy.comparison for policy in report.policies] == [None, None, report.gain]


def test_the_report_is_written_to_the_run_folder_or_to_output(run: RunFolder, tmp_path: Path) -> None:
    assert main(["report", "--run", str(run.path)]) == 0
    assert main(["report", "--run", str(run.path), "--output", str(tmp_path / "page.html")]) == 0

    assert (run.path / "report.html").read_text().startswith("<!doctype html>")
    assert "100.0 %" in (tmp_path / "page.html").read_text()


def test_a_folder_that_does_not_exist_is_wrong_use(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--run", str(run.path), "--output", "no/such/folder/report.html"]) == 2

    assert "cannot be written to no/such/folder" in capsys.readouterr().err


def test_a_run_without_any_policy_has_a_report(tmp_path: Path) -> None:
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path, "new")
    folder.write_config(config)
    Store.open(folder.store_url(config)).close()

    assert main(["report", "--run", str(folder.path)]) == 0
