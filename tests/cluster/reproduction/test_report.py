"""The report on a reproduction, from what its commands printed."""

import json
from pathlib import Path
from typing import Any

import pytest

from cluster.reproduction.figures import Reproduction, gather
from cluster.reproduction.mario import MarioPaths, mario_stages
from cluster.reproduction.records import StageRecord
from cluster.reproduction.report import to_markdown, write_report
from cluster.reproduction.scales import TINY
from cluster.reproduction.wording import verdict

ANNOTATION = {
    "model": "scripted-teacher",
    "problems": 300,
    "verdicts": {"verified": 298, "disputed": 0, "unsolved": 2},
    "kept": 310,
    "spent_tokens": 534_120,
    "spent_usd": "0.000000",
}


def figure(value: float) -> dict[str, Any]:
    return {"value": value, "n": 400, "standard_error": 0.02, "low": value - 0.04, "high": value + 0.04, "missing": 0}


def results(gain: float) -> dict[str, Any]:
    sampled = {name: figure(value) for name, value in {"pass@8": 0.9, "maj@8": 0.8, "best@8": 0.75}.items()}
    auc = {"value": 0.8, "low": 0.75, "high": 0.85}
    assessment = {
        "auc": auc,
        "picking": {"gains": {"maj": {"value": gain, "low": gain - 0.03, "high": gain + 0.03}}},
    }
    return {
        "annotation": ANNOTATION,
        "greedy": {"figures": {"pass@1": figure(0.7)}},
        "reranked": {"figures": sampled | {"weighted@8": figure(0.81)}},
        "value-report": {
            "assessment": assessment,
            "control": {"version": 2, "auc": {"value": 0.51, "low": None, "high": None}},
        },
    }


def reproduction(folder: Path, gain: float = -0.05) -> Reproduction:
    stages = mario_stages(TINY, MarioPaths(folder))
    records = [StageRecord(stage.name, "f", {}, seconds=60.0, starts=1, is_finished=True) for stage in stages]
    records[-1] = StageRecord(stages[-1].name, "f", results(gain), seconds=60.0, starts=3, is_finished=True)
    return gather(TINY, stages, records)


def test_the_table_has_each_way_to_choose_an_answer_with_its_interval(tmp_path: Path) -> None:
    text = to_markdown(reproduction(tmp_path))
    for line in (
        "| greedy | 70.0 ± 2.0 | 66.0 to 74.0 | 400 |",
        "| majority of 8 (maj@8) | 80.0 ± 2.0 | 76.0 to 84.0 | 400 |",
        "| highest value of 8 (value@8) | 75.0 ± 2.0 | 71.0 to 79.0 | 400 |",
        "| majority of 8 weighted by value | 81.0 ± 2.0 | 77.0 to 85.0 | 400 |",
    ):
        assert line in text
    assert "All stages took 5.0 minutes" in text
    assert "MARIO-OVM-7B (quoted)" in text
    assert "| solutions kept | 310 |" in text


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (-0.05, "-5.0 points (95 % interval -8.0 to -2.0): it is worse"),
        (0.05, "+5.0 points (95 % interval +2.0 to +8.0): it is better"),
        (0.01, "+1.0 points (95 % interval -2.0 to +4.0): no difference is shown"),
    ],
)
def test_it_says_by_how_much_the_value_beats_the_majority_or_not(tmp_path: Path, gain: float, said: str) -> None:
    text = verdict(reproduction(tmp_path, gain))
    assert said in text
    assert "AUC is 0.800 (0.750 to 0.850)" in text
    assert "control, trained on shuffled outcomes, 0.510." in text


def test_it_is_written_as_a_page_as_markdown_and_as_json(tmp_path: Path) -> None:
    page = write_report(reproduction(tmp_path), tmp_path)
    assert "<script" not in page.read_text()
    assert "highest value of 8" in page.read_text()
    record = json.loads((tmp_path / "report.json").read_text())
    assert record["held_out"][0]["figure"]["value"] == 0.7
    assert [stage["stage"] for stage in record["stages"]] == [
        "problems",
        "annotation",
        "training",
        "evaluation",
        "value",
    ]
