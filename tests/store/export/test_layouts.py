"""Exports of pairs and problems over several pages, on both databases."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from store.errors import NothingToExportError
from store.export.settings import ExportSettings
from store.records import Outcome, Problem, Rollout, Sampling, Split
from store.store import Store

MIXED = (Outcome.WRONG, Outcome.ACCEPTED, Outcome.TRUNCATED, Outcome.ACCEPTED, Outcome.ACCEPTED)


class CutError(Exception):
    """An interruption, such as a power loss."""


def make_messages(problem: Problem, rollout: Rollout | None) -> list[dict[str, Any]]:
    prompt = [{"role": "user", "content": problem.question}]
    return prompt if rollout is None else [*prompt, {"role": "assistant", "content": rollout.id}]


def read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for path in sorted(folder.glob("data/*.jsonl")) for line in path.open()]


@pytest.fixture
def attempted(filled: Store, make) -> Store:
    """Three accepted and two rejected attempts at each of three problems, and only accepted ones at a fourth."""
    filled.iterations.schedule(1, 4, 5, Sampling(0.7, 0.9))
    for number, assignment in enumerate(filled.assignments.lease("test", 100, 60).assignments):
        outcomes = MIXED if number else (Outcome.ACCEPTED,) * 5
        filled.rollouts.add(make.attempt(assignment, *one) for one in enumerate(outcomes))
    return filled


def test_all_pairs_are_exported_once_over_several_pages(attempted: Store, tmp_path: Path) -> None:
    progress: list[tuple[int, int]] = []
    settings = ExportSettings(layout="trl-pairs", pairs=9, shard_rows=9)

    attempted.export(tmp_path / "out", settings, make_messages, lambda *done: progress.append(done))

    rows = read(tmp_path / "out")
    assert progress == [(2, 6), (4, 6), (6, 6)]
    assert len({row["chosen_id"] for row in rows}) == len({row["rejected_id"] for row in rows}) == 6
    chosen, rejected = (attempted.rollouts.by_id([row[name] for row in rows]) for name in ("chosen_id", "rejected_id"))
    assert {rollout.outcome for rollout in chosen} == {Outcome.ACCEPTED}
    assert {rollout.outcome for rollout in rejected} == {Outcome.WRONG, Outcome.TRUNCATED}


def test_an_interrupted_export_of_pairs_continues(attempted: Store, tmp_path: Path) -> None:
    settings = ExportSettings(layout="trl-pairs", shard_rows=1)

    def interrupt(_done: int, _total: int) -> None:
        raise CutError

    for _ in range(2):  # each writes one more page
        with pytest.raises(CutError):
            attempted.export(tmp_path / "out", settings, make_messages, interrupt)
    report = attempted.export(tmp_path / "out", settings, make_messages)

    assert (report.rows, report.resumed) == ({"train": 3}, 2)
    assert len({row["problem_id"] for row in read(tmp_path / "out")}) == 3


def test_filters_apply_to_pairs(attempted: Store, tmp_path: Path) -> None:
    for choice in ({"policy_versions": [2]}, {"iterations": [7]}, {"supports": ["supported"]}):
        settings = ExportSettings.model_validate({"layout": "trl-pairs", **choice})

        with pytest.raises(NothingToExportError, match="no pair of attempts"):
            attempted.export(tmp_path / "out", settings, make_messages)


def test_problems_are_exported_once_over_several_pages_and_numbered(filled: Store, tmp_path: Path) -> None:
    settings = ExportSettings(layout="verl", format="parquet", splits=(Split.TRAIN, Split.HELDOUT), shard_rows=7)

    report = filled.export(tmp_path / "out", settings, make_messages)

    assert report.rows == {"train": 20, "heldout": 10}
    for split, ids in (("train", range(20)), ("heldout", range(20, 30))):
        files = sorted(tmp_path.glob(f"out/data/{split}-*.parquet"))
        extra = [row for file in files for row in pyarrow.parquet.read_table(file)["extra_info"].to_pylist()]
        assert [one["index"] for one in extra] == list(range(len(ids)))
        assert {one["id"] for one in extra} == {f"p{number}" for number in ids}
        assert len(files) > 1
