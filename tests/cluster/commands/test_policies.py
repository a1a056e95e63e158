"""Listing, showing, promoting and pruning the policies of a run through the command line."""

import json
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.commands.policies.promoting import promoted_before
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from cluster.loop.policy_pruning import prune_policies
from cluster.loop.promotion import assess, record_decision
from eval.metrics import compute_figures
from store.records import Outcome, Policy, PolicySpan, Problem, Rollout, Sampling, Split, rollout_id
from store.runs.policies import Promotion
from store.settings import PolicyRetentionSettings, SelectionSettings
from store.store import Store

HELDOUT = 20
SOLVED = {1: 5, 2: 15, 3: 16, 4: 15, 5: 15}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    """A base, a warm start and four iterations. Policies 1 and 2 are promoted, 3 to 5 are hardly better or worse."""
    config = load_config("demo", None, ["evaluation.problems=20"])
    folder = new_run_folder(tmp_path, "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add(
            Problem(f"p{i}", f"What is {i}?", "1", "test", Split.HELDOUT, f"k{i}") for i in range(HELDOUT)
        )
        store.problems.add([Problem("t", "What is t?", "1", "test", Split.TRAIN, "kt")])
        for version in range(6):
            publish(store, folder, version)
            if version in SOLVED:
                measure(store, version, SOLVED[version])
                policy = store.policies.get(version)
                record_decision(store, policy, assess(store, policy, config))
    return folder


def publish(store: Store, folder: RunFolder, version: int) -> None:
    """Publish a policy; the third is trained on attempts of the second."""
    path = folder.policy(version)
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"0" * 2000)
    training_set = None
    if version == 3:
        store.iterations.open(1, 2)
        store.iterations.schedule(1, 1, 2, Sampling())
        attempt(store, 2, [True, True])
        training_set = store.training_sets.select(3, SelectionSettings(), iteration=1)
    iteration = max(version - 1, 0)
    parent = version - 1 if version else None
    metrics = {"loss": 0.25} if version else {}
    store.policies.add(Policy(version, parent, str(path), training_set, metrics, iteration=iteration))


def measure(store: Store, version: int, solved: int) -> None:
    evaluation = store.evaluations.schedule(version, "heldout", sampling=Sampling(0.0))
    attempt(store, version, [number < solved for number in range(HELDOUT)])
    store.evaluations.finish(evaluation, compute_figures(store.evaluations.answers(evaluation), 1))


def attempt(store: Store, version: int, correct: list[bool]) -> None:
    left = list(correct)
    for assignment in store.assignments.lease("test", HELDOUT, 60, held=version, pinned=version).assignments:
        for sample in assignment.pending:
            outcome = Outcome.ACCEPTED if left.pop(0) else Outcome.WRONG
            ids = {"prompt_ids": (1,), "token_ids": (2, sample), "model_mask": (True, True)}
            spans, name = (PolicySpan(version, 0, 2),), rollout_id(assignment.id, sample)
            store.rollouts.add(
                [
                    Rollout(
                        name, assignment.problem.id, assignment.purpose, outcome, "tir", spans=spans,
                        answer="1", assignment_id=assignment.id, **ids
                    )
                ]
            )  # type: ignore[arg-type]  # fmt: skip


def policies(run: RunFolder, *options: str) -> int:
    action, *rest = options
    return main(["policies", action, *rest, "--run", str(run.path)])


def listed(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> dict[int, dict[str, object]]:
    capsys.readouterr()
    assert policies(run, "list", "--json") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {record["version"]: record for record in records}


def served(run: RunFolder) -> int:
    with run.open_store(run.read_config()) as store:
        policy = store.policies.promoted()
        assert policy is not None
        return policy.version


def test_policies_are_listed_with_figure_decision_size_and_use(
    run: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    records = listed(run, capsys)
    assert list(records) == [0, 1, 2, 3, 4, 5]
    second = records[2]
    assert (second["pass@1"], second["problems"], second["bytes"]) == (0.75, HELDOUT, 2000)
    assert (second["decision"], second["served"], second["kept_as"]) == ("promoted", True, ["served", "iteration"])
    assert records[0]["kept_as"] == ["base"]
    assert (records[3]["decision"], records[3]["kept_as"]) == ("not_promoted", ["best"])

    assert policies(run, "list") == 0
    table = capsys.readouterr().out
    assert "v2 ★" in table
    assert "not promoted" in table
    assert "2.0 kB" in table


def test_a_policy_is_shown_with_lineage_training_set_lag_and_comparison(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert policies(run, "show", "3") == 0
    shown = capsys.readouterr().out
    assert "v3 ← v2 ← v1 ← v0" in shown
    assert "1 sample (training set 1)" in shown
    assert "tokens by lag" in shown
    assert "not promoted: undecided" in shown
    assert "1 gained, 0 lost; p = 0.5, where at most 0.05 promotes" in shown

    assert policies(run, "show", "3", "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert record["lag_tokens"] == {"0": 2}
    assert record["assessment"]["against"] == 2
    assert record["assessment"]["comparison"]["gained"] == 1


def test_a_version_that_does_not_exist_is_wrong_use(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert policies(run, "show", "9") == 2
    assert policies(run, "promote", "9") == 2
    assert "has no policy 9; it has v0, v1, v2, v3, v4, v5" in capsys.readouterr().err


def test_promoting_by_hand_keeps_the_reason(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert policies(run, "promote", "3", "--reason", "shorter solutions") == 0
    assert "policy 3 is served from now on, instead of 2" in capsys.readouterr().out
    assert served(run) == 3
    assert policies(run, "promote", "3") == 0
    assert "served already" in capsys.readouterr().out

    policies(run, "show", "3", "--json")
    promotions = json.loads(capsys.readouterr().out)["promotions"]
    assert [one["reason"] for one in promotions] == ["shorter solutions"]


def test_rollbacks_go_back_step_by_step_until_there_is_nothing_before(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    policies(run, "promote", "4")
    assert policies(run, "rollback", "--reason", "wrong answers") == 0
    assert served(run) == 2
    assert policies(run, "rollback") == 0
    assert served(run) == 1
    assert policies(run, "rollback") == 2
    assert "nothing to roll back to" in capsys.readouterr().err
    assert served(run) == 1


def test_the_policy_before_is_that_of_the_first_promotion_of_the_served_one() -> None:
    history = [Promotion(version, 0.0, None) for version in (1, 2, 3, 2)]
    assert promoted_before(history) == 1
    assert promoted_before(history[:3]) == 2
    assert promoted_before(history[:1]) is None
    assert promoted_before([]) is None


def test_a_dry_run_removes_nothing(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert policies(run, "prune", "--keep-last", "1", "--keep-promoted", "1", "--dry-run") == 0
    assert "would prune v1, v4 (4.0 kB)" in capsys.readouterr().out
    assert all(run.policy(version).is_dir() for version in range(6))


def test_pruning_removes_the_folders_that_nothing_needs(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert policies(run, "prune", "--keep-last", "1", "--keep-promoted", "1", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["pruned"], result["bytes"], result["dry_run"]) == ([1, 4], 4000, False)
    assert [version for version in range(6) if run.policy(version).is_dir()] == [0, 2, 3, 5]
    assert sorted(path.name for path in run.policies.iterdir()) == ["v000000", "v000002", "v000003", "v000005"]
    records = listed(run, capsys)
    assert (records[4]["pruned"], records[4]["bytes"], records[4]["pass@1"]) == (True, None, 0.75)
    assert policies(run, "prune", "--keep-last", "1", "--keep-promoted", "1") == 0
    assert "nothing to prune" in capsys.readouterr().out


def test_a_folder_that_an_interrupted_pruning_left_is_removed_by_the_next(run: RunFolder) -> None:
    settings = PolicyRetentionSettings(keep_last=1, keep_promoted=1)
    with run.open_store(run.read_config()) as store:
        assert store.policies.prune(settings, "heldout") == [1, 4]
        run.policy(1).rename(run.policies / ".v000001.pruned")
        assert prune_policies(store, run, settings) == []
    assert sorted(path.name for path in run.policies.iterdir()) == ["v000000", "v000002", "v000003", "v000005"]


def test_whoever_needs_a_pruned_policy_is_told_that_it_was_pruned(
    run: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    policies(run, "prune", "--keep-last", "1", "--keep-promoted", "1")
    capsys.readouterr()
    assert policies(run, "promote", "4") == 2
    assert main(["eval", "--policy", "4", "--run", str(run.path)]) == 2
    assert policies(run, "rollback") == 2
    errors = capsys.readouterr().err.splitlines()
    assert [error.split(":")[1] for error in errors] == [
        " policy 4 was pruned", " policy 4 was pruned", " policy 1 was pruned"
    ]  # fmt: skip


def test_pruning_without_a_rule_asks_for_one(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert policies(run, "prune") == 2
    assert "--keep-last" in capsys.readouterr().err
    assert policies(run, "prune", "--keep-last", "0") == 2
    assert "--keep-last 0" in capsys.readouterr().err


def test_a_run_without_policies_lists_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path, "new")
    folder.write_config(config)
    Store.open(folder.store_url(config)).close()
    assert policies(folder, "list") == 0
    assert "no policy was published yet" in capsys.readouterr().out
