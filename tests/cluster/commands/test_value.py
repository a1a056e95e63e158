"""`automathes value`, and `automathes eval --rerank value`, on attempts in the store."""

import json
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.records import Outcome, Policy, Problem, Purpose, Rollout, Split, rollout_id
from store.runs.figures import Figure, Measured
from store.runs.run_state import ActualState
from store.settings import SelectionSettings
from store.store import Store

PROBLEMS, SAMPLES = 12, 4


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A stopped run with four attempts at each of twelve held-out problems, one of them right, and two value models.

    Value model 1 scored all of them rightly, value model 2, a control, has scored none.
    """
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path, "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        problems = [Problem(f"p{i}", f"What is {i}?", "1", "test", Split.HELDOUT, f"k{i}") for i in range(PROBLEMS)]
        store.problems.add([*problems, Problem("t", "What is t?", "1", "test", Split.TRAIN, "kt")])
        store.policies.add(Policy(0, None, str(tmp_path)))
        demonstration = _rollout("demo-t", "t", Purpose.DEMONSTRATION, Outcome.ACCEPTED, None)
        store.rollouts.add([demonstration])
        sampling = config.evaluation_sampling(config.evaluation.temperature)
        evaluation = store.evaluations.schedule(
            0, "heldout-sampled", samples=SAMPLES, sampling=sampling, limit=config.evaluation.problems
        )
        for assignment in store.assignments.lease("test", PROBLEMS * SAMPLES, 60).assignments:
            store.rollouts.add(
                _rollout(
                    rollout_id(assignment.id, sample),
                    assignment.problem.id,
                    assignment.purpose,
                    Outcome.ACCEPTED if sample == 0 else Outcome.WRONG,
                    assignment.id,
                )
                for sample in assignment.pending
            )
        store.evaluations.finish(evaluation, Measured({"pass@1": Figure(0.25, PROBLEMS)}))
        for shuffled in (False, True):
            model = store.values.begin(0, {"shuffle_labels": shuffled}, SelectionSettings(attempts=False))
            store.values.publish(model.version, str(tmp_path / "gone"), "abc", {})
        for batch in store.values.unscored(1, evaluation):
            outcomes = [0.9 if number % SAMPLES == 0 else 0.1 for number in range(len(batch))]
            store.values.add_scores(1, [(one.seq, score) for one, score in zip(batch, outcomes, strict=True)])
        store.run.set_actual(ActualState.STOPPED)
    return folder


def _rollout(name: str, problem: str, purpose: Purpose, outcome: Outcome, assignment: int | None) -> Rollout:
    answer = "1" if outcome is Outcome.ACCEPTED else "2"
    mask = (True,)
    return Rollout(name, problem, purpose, outcome, "tir", (1,), (2,), mask, answer=answer, assignment_id=assignment)


def value(run: RunFolder, action: str, *options: str) -> int:
    return main(["value", action, "--run", str(run.path), *options])


def evaluate(run: RunFolder, *options: str) -> int:
    return main(["eval", "--run", str(run.path), *options])


def test_the_report_states_what_choosing_by_the_value_gains(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert value(run, "report") == 0

    printed = capsys.readouterr().out
    assert "AUC: 1.000" in printed
    assert "instead of maj@4: +100.0" in printed
    written = run.path / "value-reports" / "model-1-eval-1"
    assert sorted(file.name for file in written.iterdir()) == ["report.html", "report.json", "report.md"]
    figures = json.loads((written / "report.json").read_text())["assessment"]["picking"]["figures"]
    assert [figure["value"] for figure in figures["best"]] == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_the_report_is_printed_as_json(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert value(run, "report", "--json", "--output", str(tmp_path / "report")) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model_version"], found["assessment"]["attempts"]) == (1, PROBLEMS * SAMPLES)


def test_attempts_without_scores_are_not_reported_on(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert value(run, "report", "--model", "2") == 2
    assert "48 of 48 attempts of evaluation 1 have no score" in capsys.readouterr().err


def test_a_control_that_has_not_scored_is_refused(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert value(run, "report", "--control", "2") == 2
    assert "`automathes value score --model 2 --evaluation 1`" in capsys.readouterr().err


def test_what_is_scored_is_not_scored_again(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert value(run, "score", "--json") == 0  # without its files, which are gone
    assert json.loads(capsys.readouterr().out) == {"model": 1, "evaluation": 1, "scored": 48, "new": 0}


def test_an_evaluation_is_reranked_by_the_latest_value_model(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(run, "--samples", str(SAMPLES), "--rerank", "value", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    values = {name: figure["value"] for name, figure in found["figures"].items()}
    assert found["value_model"] == 1
    assert values == pytest.approx({"pass@1": 0.25, "pass@4": 1.0, "maj@4": 0.0, "best@4": 1.0, "weighted@4": 1.0})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rerank", "value"], "set --samples"),
        (["--samples", "4", "--value-model", "1"], "--value-model is for --rerank value"),
        (["--samples", "4", "--rerank", "value", "--value-model", "9"], "it has 1, 2"),
    ],
)
def test_wrong_options_of_reranking_are_refused(
    run: RunFolder, options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert evaluate(run, *options) == 2
    assert message in capsys.readouterr().err


def test_a_run_without_value_models_says_what_trains_one(
    tmp_path: Path, run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    config = load_config("demo", None, [])
    other = new_run_folder(tmp_path / "other", "test")
    other.write_config(config)
    Store.open(other.store_url(config)).close()
    assert value(other, "report") == 2
    assert "`automathes value train` trains one" in capsys.readouterr().err


def test_a_training_without_attempts_is_refused(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert value(run, "train") == 1
    assert "no rollout can be trained on" in capsys.readouterr().err
