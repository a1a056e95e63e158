"""Exports: their contents and filters, loading them with other libraries, and interruptions."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from store.errors import ExportTargetError, NothingToExportError
from store.export.settings import ExportSettings
from store.records import Outcome, Problem, Purpose, Rollout, Sampling, Split, Support
from store.store import Store

pytestmark = pytest.mark.usefixtures("offline_datasets")


@pytest.fixture
def attempted(filled: Store, make) -> Store:
    """Three accepted attempts and a wrong one at each of two training problems, an accepted one at each of two held-out
    problems.
    """
    filled.iterations.schedule(1, 2, 4, Sampling(0.7, 0.9))
    filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0), limit=2)
    for assignment in filled.assignments.lease("test", 100, 60).assignments:
        outcomes = [Outcome.WRONG if sample == 3 else Outcome.ACCEPTED for sample in assignment.pending]
        filled.rollouts.add(make.attempt(assignment, i, outcome) for i, outcome in enumerate(outcomes))
    return filled


def make_messages(problem: Problem, rollout: Rollout) -> list[dict[str, str]]:
    solution = "".join(segment.text for segment in rollout.segments)
    return [{"role": "user", "content": problem.question}, {"role": "assistant", "content": solution}]


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("data/*.jsonl")) for line in path.open()]


def test_a_row_has_the_problem_the_solution_and_its_policy(attempted: Store, tmp_path: Path) -> None:
    report = attempted.export(tmp_path / "out", ExportSettings(), make_messages)

    rows = lines(tmp_path / "out")
    assert report.rows == {"train": 6} == {"train": len(rows)}
    first = rows[0]
    problem = attempted.problems.get(first["problem_id"])
    assert (first["question"], first["answer"]) == (problem.question, problem.answer)
    assert [message["role"] for message in first["messages"]] == ["user", "assistant"]
    assert first["segments"][0]["kind"] == "code"
    assert (first["policy_version"], first["iteration"], first["purpose"]) == (1, 1, "train")
    assert (first["temperature"], first["top_p"]) == (0.7, 0.9)
    assert first["executions"] == [{"status": "ok", "seconds": 0.25}]
    assert "token_ids" not in first


def test_token_ids_are_exported_on_request(attempted: Store, tmp_path: Path) -> None:
    attempted.export(tmp_path / "out", ExportSettings(token_ids=True), make_messages)

    first = lines(tmp_path / "out")[0]
    (rollout,) = attempted.rollouts.by_id([first["id"]])
    for name in ("prompt_ids", "token_ids", "model_mask"):
        assert tuple(first[name]) == getattr(rollout, name)


def test_held_out_problems_are_exported_only_on_request(attempted: Store, tmp_path: Path) -> None:
    attempted.export(tmp_path / "train", ExportSettings(outcomes=()), make_messages)
    report = attempted.export(tmp_path / "both", ExportSettings(splits=(Split.TRAIN, Split.HELDOUT)), make_messages)

    assert {attempted.problems.get(row["problem_id"]).split for row in lines(tmp_path / "train")} == {Split.TRAIN}
    assert report.rows == {"train": 6, "heldout": 2}


@pytest.mark.parametrize(
    ("choice", "wanted"),
    [
        ({"outcomes": [Outcome.WRONG]}, 2),
        ({"outcomes": []}, 8),
        ({"policy_versions": [1]}, 6),
        ({"iterations": [1]}, 6),
        ({"purposes": [Purpose.TRAIN]}, 6),
    ],
)
def test_filters_are_applied(attempted: Store, tmp_path: Path, choice: dict[str, Any], wanted: int) -> None:
    attempted.export(tmp_path / "out", ExportSettings.model_validate(choice), make_messages)

    assert len(lines(tmp_path / "out")) == wanted


def test_a_training_set_is_exported_and_named(attempted: Store, tmp_path: Path) -> None:
    training_set = attempted.training_sets.select(2)
    members = {rollout.id for rollout in attempted.training_sets.samples(training_set)}

    attempted.export(tmp_path / "out", ExportSettings(training_set=training_set), make_messages)

    rows = lines(tmp_path / "out")
    assert {row["id"] for row in rows} == members
    assert all(row["training_sets"] == [training_set] for row in rows)


def test_distinct_takes_each_solution_once(attempted: Store, make, tmp_path: Path) -> None:
    attempted.rollouts.add([make.demonstration(f"d{i}", "p5", "print(5)") for i in range(3)])

    attempted.export(tmp_path / "all", ExportSettings(), make_messages)
    attempted.export(tmp_path / "out", ExportSettings(distinct=True), make_messages)

    assert (len(lines(tmp_path / "all")), len(lines(tmp_path / "out"))) == (9, 7)


def test_an_export_without_matches_leaves_nothing_behind(attempted: Store, tmp_path: Path) -> None:
    with pytest.raises(NothingToExportError, match=r"policy_versions \[99\]"):
        attempted.export(tmp_path / "out/here", ExportSettings(policy_versions=(99,)), make_messages)

    assert list((tmp_path / "out").iterdir()) == []


def test_an_existing_folder_is_not_overwritten(attempted: Store, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()

    with pytest.raises(ExportTargetError, match="exists already"):
        attempted.export(tmp_path / "out", ExportSettings(), make_messages)


class CutError(Exception):
    """An interruption, such as a power loss."""


def interrupt(store: Store, target: Path, settings: ExportSettings, at_row: int) -> None:
    def on_progress(done: int, total: int) -> None:
        if done >= at_row:
            raise CutError

    with pytest.raises(CutError):
        store.export(target, settings, make_messages, on_progress)


def test_an_interrupted_export_continues_and_writes_no_row_twice(attempted: Store, make, tmp_path: Path) -> None:
    settings = ExportSettings(shard_rows=2)
    interrupt(attempted, tmp_path / "out", settings, at_row=4)
    assert not (tmp_path / "out").exists()
    attempted.rollouts.add([make.demonstration("late", "p5", "print(5)")])

    report = attempted.export(tmp_path / "out", settings, make_messages)

    assert report.resumed == 4
    assert len({row["id"] for row in lines(tmp_path / "out")}) == len(lines(tmp_path / "out")) == 6
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out"]


@pytest.mark.parametrize("form", ["jsonl", "parquet", "datasets"])
def test_an_export_that_was_interrupted_at_its_card_is_completed_the_next_time(
    attempted: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    settings = ExportSettings.model_validate({"format": form, "shard_rows": 4})

    def no_card(*_: object) -> str:
        raise CutError

    with monkeypatch.context() as patched:
        patched.setattr("store.export.folder.write_card", no_card)
        with pytest.raises(CutError):
            attempted.export(tmp_path / "out", settings, make_messages)
    assert not (tmp_path / "out").exists()

    report = attempted.export(tmp_path / "out", settings, make_messages)

    assert (report.rows, report.resumed) == ({"train": 6}, 6)
    assert (tmp_path / "out/README.md").exists()


def test_other_settings_do_not_continue_an_interrupted_export(attempted: Store, tmp_path: Path) -> None:
    interrupt(attempted, tmp_path / "out", ExportSettings(shard_rows=2), at_row=4)

    report = attempted.export(tmp_path / "out", ExportSettings(outcomes=(Outcome.WRONG,)), make_messages)

    assert (report.resumed, report.rows) == (0, {"train": 2})


def test_two_exports_to_one_place_do_not_mix(attempted: Store, tmp_path: Path) -> None:
    def on_progress(done: int, total: int) -> None:
        with pytest.raises(ExportTargetError, match="by another process"):
            attempted.export(tmp_path / "out", ExportSettings(), make_messages)

    attempted.export(tmp_path / "out", ExportSettings(), make_messages, on_progress)

    assert len(lines(tmp_path / "out")) == 6


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_load_dataset_reads_the_folder(attempted: Store, tmp_path: Path, form: str) -> None:
    import datasets

    settings = ExportSettings.model_validate({"format": form, "splits": list(Split), "token_ids": True})
    attempted.export(tmp_path / "out", settings, make_messages)

    loaded = datasets.load_dataset(str(tmp_path / "out"))

    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 6, "heldout": 2}
    assert loaded["train"][0]["messages"][1]["role"] == "assistant"
    assert loaded["train"][0]["token_ids"][2] == 4_000_000_000


def test_load_from_disk_reads_the_folder(attempted: Store, tmp_path: Path) -> None:
    import datasets

    settings = ExportSettings(format="datasets", splits=tuple(Split), shard_rows=2)
    attempted.export(tmp_path / "out", settings, make_messages)

    loaded = datasets.load_from_disk(str(tmp_path / "out"))
    assert {name: split.num_rows for name, split in loaded.items()} == {"train": 6, "heldout": 2}
    assert loaded["train"]["segments"][0][0]["kind"] == "code"
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name) == ["out"]


def test_pyarrow_reads_parquet_with_its_types(attempted: Store, tmp_path: Path) -> None:
    attempted.export(tmp_path / "out", ExportSettings(format="parquet"), make_messages)

    table = pyarrow.parquet.read_table(tmp_path / "out/data")

    assert table.num_rows == 6
    assert str(table.schema.field("policy_version").type) == "int64"
    assert table.column("subject").null_count == 6


def test_the_card_describes_the_contents(attempted: Store, tmp_path: Path) -> None:
    attempted.export(tmp_path / "out", ExportSettings(format="parquet", distinct=True), make_messages)

    card = (tmp_path / "out/README.md").read_text()
    assert card.startswith("---\n")
    assert "path: data/train-*.parquet" in card
    assert "| train | 6 |" in card
    assert "outcomes accepted; each solution to a problem once" in card
    assert attempted.masked_url not in card


def test_texts_with_unpaired_surrogates_are_exported(attempted: Store, make, tmp_path: Path) -> None:
    attempted.rollouts.add([make.demonstration("odd", "p5", "print('\ud800')")])

    for form in ("jsonl", "parquet"):
        settings = ExportSettings.model_validate({"format": form, "purposes": ["demonstration"]})
        assert attempted.export(tmp_path / form, settings, make_messages).rows == {"train": 1}


def test_rows_are_filtered_by_support_and_have_its_rule(filled: Store, make, tmp_path: Path) -> None:
    filled.iterations.schedule(1, 1, 3, Sampling())
    (assignment,) = filled.assignments.lease("test", 1, 60).assignments
    verdicts = ((Support.SUPPORTED, "in_output"), (Support.UNSUPPORTED, "prints_constant"), (None, None))
    filled.rollouts.add(
        replace(make.attempt(assignment, i), support=support, support_rule=rule)
        for i, (support, rule) in enumerate(verdicts)
    )
    filled.export(tmp_path / "all", ExportSettings(), make_messages)
    assert [(row["support"], row["support_rule"]) for row in lines(tmp_path / "all")] == list(verdicts)
    filled.export(tmp_path / "bad", ExportSettings(supports=(Support.UNSUPPORTED,)), make_messages)
    assert [row["support_rule"] for row in lines(tmp_path / "bad")] == ["prints_constant"]
