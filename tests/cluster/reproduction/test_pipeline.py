"""The chain of stages: what is done is left, what is not is continued, and what depends on a change is done again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.config.run_config import ConfigError
from cluster.reproduction.pipeline import StageFailedError, run_stages
from cluster.reproduction.stage import Results, Stage, Step, fixed

VERSION = ("--version",)
PROBLEMS = '{"question": "What is 1 + 1?", "answer": "2"}\n{"question": "What is 2 + 3?", "answer": "5"}\n'


@pytest.fixture
def notes() -> list[str]:
    return []


def stage(name: str, *steps: Step, **settings: object) -> Stage:
    return Stage(name, f"does {name}", "as the paper", steps or (Step(name, fixed(*VERSION), "text"),), settings)


def started(notes: list[str]) -> list[str]:
    """The stages that were run, not only looked at."""
    return [note.split("] ")[1].split(":")[0] for note in notes if note.startswith("[") and "done before" not in note]


def test_finished_stages_are_left_as_they_are(tmp_path: Path, notes: list[str]) -> None:
    stages = [stage("one"), stage("two")]
    first = run_stages(stages, tmp_path, notes.append)
    assert [record.results for record in first] == [{"one": "automathes 0.1.0\n"}, {"two": "automathes 0.1.0\n"}]
    notes.clear()
    assert run_stages(stages, tmp_path, notes.append) == first
    assert started(notes) == []


def test_a_stage_with_other_settings_is_done_again_with_all_after_it(tmp_path: Path, notes: list[str]) -> None:
    stages = [stage("one"), stage("two", samples=8), stage("three")]
    run_stages(stages, tmp_path, notes.append)
    notes.clear()
    run_stages([stages[0], stage("two", samples=20), stages[2]], tmp_path, notes.append)
    assert started(notes) == ["two", "three"]


def test_stages_are_done_again_from_the_one_that_is_named(tmp_path: Path, notes: list[str]) -> None:
    stages = [stage("one"), stage("two"), stage("three")]
    run_stages(stages, tmp_path, notes.append)
    notes.clear()
    run_stages(stages, tmp_path, notes.append, first="two")
    assert started(notes) == ["two", "three"]
    with pytest.raises(ConfigError, match="--from four: there is no such stage: choose one of one, two, three"):
        run_stages(stages, tmp_path, notes.append, first="four")


def test_after_a_failure_the_steps_that_were_done_are_not_done_again(tmp_path: Path, notes: list[str]) -> None:
    file = tmp_path / "problems.jsonl"
    arguments = ("problems", "import", str(file), "--store", f"sqlite:///{tmp_path / 'store.db'}", "--json")
    stages = [stage("both", Step("version", fixed(*VERSION), "text"), Step("imported", fixed(*arguments)))]
    with pytest.raises(StageFailedError, match=r"stage both failed: `automathes problems import .* exit code 2"):
        run_stages(stages, tmp_path, notes.append)
    file.write_text(PROBLEMS)
    notes.clear()
    (record,) = run_stages(stages, tmp_path, notes.append)
    assert record.results["imported"]["read"] == 2
    assert record.starts == 2
    assert [note for note in notes if "--version" in note] == []
    assert "problems import" in (tmp_path / "logs" / "both.log").read_text()


def test_a_step_knows_the_results_before_it(tmp_path: Path, notes: list[str]) -> None:
    seen: list[dict[str, object]] = []

    def arguments(results: Results) -> list[str]:
        seen.append(dict(results))
        return list(VERSION)

    stages = [stage("one"), stage("two", Step("a", fixed(*VERSION), "text"), Step("b", arguments, "text"))]
    run_stages(stages, tmp_path, notes.append)
    assert seen == [{"one": "automathes 0.1.0\n", "a": "automathes 0.1.0\n"}]


def test_a_damaged_record_is_named(tmp_path: Path, notes: list[str]) -> None:
    run_stages([stage("one")], tmp_path, notes.append)
    path = tmp_path / "stages" / "one.json"
    path.write_text(path.read_text()[:40])
    with pytest.raises(ConfigError, match=r"one\.json is no record of a stage .*: remove it"):
        run_stages([stage("one")], tmp_path, notes.append)


def test_a_record_says_what_went_in_and_how_long_it_took(tmp_path: Path, notes: list[str]) -> None:
    (record,) = run_stages([stage("one", limit=3)], tmp_path, notes.append)
    stored = json.loads((tmp_path / "stages" / "one.json").read_text())
    assert stored["fingerprint"] == record.fingerprint
    assert stored["seconds"] > 0
    assert stored["is_finished"] is True
    assert replace(record, fingerprint="") != record
