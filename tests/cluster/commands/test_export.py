"""Exporting a run's rollouts through the command line, and the conversations in it."""

import json
from pathlib import Path

import pytest

from actors.formats import FORMATS
from cluster.cli import main
from cluster.commands.exports.export import conversations
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.export.settings import ExportSettings
from store.records import Outcome, Problem, Purpose, Rollout, Segment, SegmentKind, Split
from store.store import Store

PROSE = "Let us compute.\n"
LAST_TURN = {"tir": "So it is \\boxed{42}.", "mario": "Final Answer: $42$", "mario_html": "<p>Final Answer: $42$</p>"}
messages = conversations(ExportSettings(), "tir")
PROBLEM = Problem("p", "What is 6 * 7?", "42", "test", Split.TRAIN, "p")


def demonstration(form: str) -> Rollout:
    """A demonstration as samplers store it: the turns of a solution, split into segments."""
    written = FORMATS[form]
    turn = PROSE + written.code_block("print(6 * 7)")
    output = Segment(SegmentKind.OUTPUT, "42")
    segments = (*written.split_turn(turn), output, *written.split_turn(LAST_TURN[form]))
    return Rollout(
        f"demo-{form}", "p", Purpose.DEMONSTRATION, Outcome.ACCEPTED, form, (1,), (2,), (True,), (), segments, (), "42"
    )


@pytest.mark.parametrize("form", sorted(FORMATS))
def test_a_conversation_is_the_solution_as_it_was_written(form: str) -> None:
    written = FORMATS[form]
    system, user, assistant = messages(PROBLEM, demonstration(form))

    assert (system["role"], system["content"]) == ("system", written.system)
    assert (user["role"], user["content"]) == ("user", PROBLEM.question)
    turn = PROSE + written.code_block("print(6 * 7)")
    assert assistant["content"] == turn + written.output("42") + LAST_TURN[form]


def test_a_bare_answer_is_written_in_the_format() -> None:
    bare = Rollout(
        "x", "p", Purpose.TRAIN, Outcome.ACCEPTED, "tir", (), (), (), segments=(Segment(SegmentKind.ANSWER, "42"),)
    )

    assert messages(PROBLEM, bare)[-1]["content"] == "\\boxed{42}"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    config = load_config("demo", None, [])
    folder = new_run_folder(tmp_path / "runs", "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add([PROBLEM])
        store.rollouts.add(demonstration(form) for form in FORMATS)
    return folder


def export(run: RunFolder, *arguments: str) -> int:
    return main(["export", *arguments, "--run", str(run.path)])


def test_an_export_says_what_it_wrote_and_how_to_load_it(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(run, str(tmp_path / "out")) == 0

    assert f"exported {len(FORMATS)} of split train to {tmp_path}/out" in capsys.readouterr().out
    rows = [json.loads(line) for line in (tmp_path / "out/data/train-00000.jsonl").open()]
    assert {row["solution_format"] for row in rows} == set(FORMATS)
    assert 'load_dataset("path/of/this/folder"' in (tmp_path / "out/README.md").read_text()


def test_an_export_as_json_is_one_object(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(run, str(tmp_path / "out"), "--json", "--format", "parquet") == 0

    assert json.loads(capsys.readouterr().out) == {
        "path": str(tmp_path / "out"),
        "rows": {"train": len(FORMATS)},
        "resumed": 0,
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--iteration", "9"), "iterations [9]"),
        (("--training-set", "9"), "no training set 9"),
        (("--support", "supported"), "supports ['supported']"),
        (("--split", "heldout", "--outcome", "wrong"), "outcomes ['wrong']"),
    ],
)
def test_options_that_match_no_rollout_are_named(
    run: RunFolder, tmp_path: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(run, str(tmp_path / "out"), *arguments) == 2

    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_refused(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export(run, str(tmp_path)) == 2

    assert "exists already" in capsys.readouterr().err
