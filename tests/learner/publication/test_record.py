import json
from pathlib import Path

from learner.publication import checksum, publication
from learner.publication.record import POLICY_FILE, read_policy_record, write_policy_record
from store.records import Policy


def publish(folder: Path, policy: Policy) -> None:
    with publication(folder) as temporary:
        (temporary / "model.safetensors").write_text("weights")
        write_policy_record(temporary, policy)


def test_a_policy_is_described_in_its_own_folder_wherever_that_is(tmp_path: Path) -> None:
    policy = Policy(
        3, 2, "elsewhere", training_set_id=7, metrics={"loss": 0.5}, config={"phase": "iteration"}, iteration=2
    )
    publish(tmp_path / "v000003", policy)
    (tmp_path / "v000003").rename(tmp_path / "moved")
    found = read_policy_record(tmp_path / "moved")
    assert found == Policy(
        3,
        2,
        str(tmp_path / "moved"),
        training_set_id=7,
        metrics={"loss": 0.5},
        config={"phase": "iteration"},
        iteration=2,
        checksum=checksum(tmp_path / "moved"),
    )


def test_a_metric_that_is_no_number_is_null(tmp_path: Path) -> None:
    publish(tmp_path / "v000001", Policy(1, 0, "", metrics={"loss": float("nan")}))
    assert json.loads((tmp_path / "v000001" / POLICY_FILE).read_text())["metrics"] == {"loss": None}


def test_an_incomplete_folder_and_one_of_an_earlier_version_have_no_record(tmp_path: Path) -> None:
    publish(tmp_path / "v000001", Policy(1, 0, ""))
    (tmp_path / "v000001" / "model.safetensors").write_text("w")
    assert read_policy_record(tmp_path / "v000001") is None
    with publication(tmp_path / "v000002") as temporary:
        (temporary / "model.safetensors").write_text("weights")
    assert read_policy_record(tmp_path / "v000002") is None
    assert read_policy_record(tmp_path / "v000003") is None
