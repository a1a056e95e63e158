"""The commands of a run whose policies are under a URL, and of one whose storage is away."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, find_run_folder, new_run_folder
from cluster.loop.preparation.preparation import make_base_policy
from learner.publication import checksum, is_complete, publication
from store.artifacts.folder import folder_at
from store.records import Decision, Policy, Problem, Split
from store.store import Store

from ...s3_server import S3Server


@pytest.fixture
def run(tmp_path: Path, s3_url: str) -> RunFolder:
    """A base and three policies, of which the first was promoted."""
    config = load_config("demo", None, [f"storage.url={s3_url}", f"storage.cache={tmp_path / 'cache'}"])
    folder = new_run_folder(tmp_path / "runs", "demo", config.storage)
    folder.write_config(config.model_copy(update={"storage": folder.storage}))
    with Store.open(folder.store_url(config)) as store:
        store.problems.add([Problem("p", "What is 1?", "1", "test", Split.HELDOUT, "p")])
        for version in range(4):
            place = folder.policy(version)
            with publication(place, storage=folder.storage) as temporary:
                save_file({"weight": torch.zeros(version + 1, 1000)}, temporary / "model.safetensors")
                (temporary / "config.json").write_text("{}")
                (temporary / "tokenizer.json").write_text("{}")
            parent = version - 1 if version else None
            store.policies.add(
                Policy(version, parent, str(place), checksum=checksum(place), iteration=max(0, version - 1))
            )
            if version:
                decision = Decision.PROMOTED if version == 1 else Decision.NOT_PROMOTED
                store.policies.decide(version, decision, {}, "for the test")
    return folder


def test_policies_are_listed_and_shown_with_their_sizes_and_their_urls(
    run: RunFolder, s3_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["policies", "list", "--run", str(run.path), "--json"]) == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["bytes"] > 4000 for record in records] == [True] * 4
    assert main(["policies", "show", "1", "--run", str(run.path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["path"] == f"{s3_url}/demo-1/policies/v000001"


def test_pruning_on_the_command_line_removes_the_objects(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["policies", "prune", "--run", str(run.path), "--keep-last", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["pruned"] == [2]
    assert folder_at(run.policies).folders() == ["v000000", "v000001", "v000003"]
    assert main(["policies", "promote", "2", "--run", str(run.path)]) == 2
    assert "policy 2 was pruned" in capsys.readouterr().err


def test_the_report_states_the_size_of_a_base_under_a_url(run: RunFolder) -> None:
    assert main(["report", "--run", str(run.path)]) == 0
    assert "of 0.00 million parameters" in (run.path / "report.html").read_text()


def test_the_status_has_urls_and_no_secrets(run: RunFolder, s3_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--run", str(run.path), "--json"]) == 0
    text = capsys.readouterr().out
    assert json.loads(text)["policies"][0]["path"].startswith(s3_url)
    assert "very-secret-key" not in text
    assert "very-secret-key" not in run.config_file.read_text()


def test_a_storage_that_is_away_is_said_in_a_line(
    run: RunFolder, s3: S3Server, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.stop()
    try:
        assert main(["policies", "list", "--run", str(run.path)]) == 1
    finally:
        s3.start()
    error = capsys.readouterr().err
    assert error.startswith("automathes: s3://")
    assert error.count("\n") == 1
    assert main(["status", "--run", str(run.path)]) == 0, "the status needs no storage"


def test_the_storage_of_a_run_is_that_of_its_configuration(run: RunFolder, s3_url: str) -> None:
    found = find_run_folder(run.path.parent, run.path)
    assert (found.storage.url, found.storage.name) == (s3_url, "demo-1")


def test_the_base_of_a_run_is_published_under_its_url(tmp_path: Path, storage_url: str) -> None:
    overrides = [
        "base={kind='tiny_llama', vocabulary_size=300, hidden_size=32, num_layers=1, intermediate_size=64, num_heads=2,"
        " num_kv_heads=1, head_size=16}",
        f"storage.url={storage_url}",
        f"storage.cache={tmp_path / 'cache'}",
    ]
    config = load_config("demo", None, overrides)
    folder = new_run_folder(tmp_path / "runs", "demo", config.storage)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add([Problem("p", "What is 1 + 2?", "3", "products", Split.TRAIN, "p")])
        place = make_base_policy(config, folder, store)
    assert place == f"{storage_url}/demo-1/policies/v000000"
    assert is_complete(place)
