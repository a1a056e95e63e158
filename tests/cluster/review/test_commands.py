"""`automathes review` with a browser and with other tools, from the command line."""

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster.cli import main
from cluster.config.run_folder import RunFolder
from cluster.review.exchange.argilla import user_id
from cluster.review.exchange.edits import run_edits
from cluster.review.identity import read_reviewers
from store.records import ImportedDecision, ReviewVerdict
from store.reviews.settings import ReviewSettings


def command(run: RunFolder, *arguments: str) -> int:
    return main(["review", *arguments, "--run", str(run.path)])


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.mark.parametrize("form", ["jsonl", "argilla"])
def test_what_another_tool_decided_comes_back_once(
    run: RunFolder, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file, back = tmp_path / "items", tmp_path / "decided"
    assert command(run, "--export", str(file), "--format", form) == 0
    rows = rows_of(file) if form == "jsonl" else json.loads(file.read_text())
    row = next(one for one in rows if one["key" if form == "jsonl" else "id"].startswith("solution"))
    if form == "jsonl":
        assert "```python\ntrays = " in row["solution"]
        row["decisions"] = [{"reviewer": "ada", "verdict": "reject", "note": "no reason given"}]
        back.write_text(json.dumps(row) + "\n")
    else:
        assert set(row) == {
            *("id", "fields", "metadata", "suggestions", "responses", "vectors", "status", "_server_id"),
        }
        assert "```python\ntrays = " in row["fields"]["solution"]
        row["responses"] = {
            "verdict": [{"value": "reject", "user_id": user_id("ada")}, {"value": "accept", "user_id": "1-2"}],
            "note": [{"value": "no reason given", "user_id": user_id("ada")}],
        }
        back.write_text(json.dumps([row]))
    count = 1 if form == "jsonl" else 2
    capsys.readouterr()
    for told in ("added", "unchanged"):
        assert command(run, "--import", str(back), "--format", form, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {told: count}
    with run.open_store(run.read_config()) as store:
        decisions = store.reviews.decisions()
    assert (ReviewVerdict.REJECT, "no reason given") in {(one.verdict, one.note) for one in decisions}
    assert {one.source for one in decisions} == {"decided"}


def test_a_round_trip_changes_nothing(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with run.open_store(run.read_config()) as store:
        assert store.reviews.reviewers() == []
    for form in ("jsonl", "argilla"):
        first, second = tmp_path / f"1.{form}", tmp_path / f"2.{form}"
        assert command(run, "--export", str(first), "--format", form) == 0
        assert command(run, "--import", str(first), "--format", form) == 0
        assert command(run, "--export", str(second), "--format", form) == 0
        assert first.read_text() == second.read_text()
    assert "decisions of" in capsys.readouterr().out


RIGHT = "Each of 2 trays has six rolls:\n```python\nprint(6 * 2)\n```\nSo \\boxed{12}."


def is_solution(key: str, problem: str) -> bool:
    """Whether an item is a solution of the problem that `RIGHT` solves."""
    return key.startswith("solution:") and problem == "p0"


@pytest.mark.parametrize("form", ["jsonl", "argilla"])
def test_an_edited_solution_comes_back_as_an_edit(
    run: RunFolder, made_run: RunFolder, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = RunFolder(shutil.copytree(made_run.path, tmp_path / "other"))
    file, again = tmp_path / "items", tmp_path / "again"
    with run.open_store(run.read_config()) as store:
        store.reviews.fill(ReviewSettings())
        item = next(one.item for one in store.reviews.export() if is_solution(one.item.key, one.item.problem_id))
        decided = ImportedDecision(item.key, "ada", ReviewVerdict.EDIT, "shorter", RIGHT)
        found = asyncio.run(run_edits(store, run.read_config(), [decided]))
        assert store.reviews.import_decisions(found.decisions, "test") == {"added": 1}
    assert command(run, "--export", str(file), "--format", form) == 0
    assert command(other, "--export", str(tmp_path / "fills the queues")) == 0
    if form == "argilla":  # which writes no names, only those of reviewers that are known
        file.write_text(file.read_text().replace(user_id("ada"), "ada"))
    capsys.readouterr()
    for told in ("added", "unchanged"):
        assert command(other, "--import", str(file), "--format", form, "--json") == 0
        assert json.loads(capsys.readouterr().out) == {told: 1}
    with run.open_store(run.read_config()) as first, other.open_store(other.read_config()) as second:
        (before,), (after,) = first.reviews.decisions(), second.reviews.decisions()
    assert (after.verdict, after.reviewer, after.note) == (ReviewVerdict.EDIT, "ada", "shorter")
    assert after.edit is not None
    assert before.edit is not None
    assert (after.edit.text, after.edit.answer, after.edit.turns) == (RIGHT, "12", before.edit.turns)
    assert [(one.source, one.stdout) for one in after.edit.executions] == [("print(6 * 2)", "12\n")]
    assert command(other, "--export", str(again), "--format", form) == 0


@pytest.mark.parametrize(
    ("edited", "reason"),
    [
        (RIGHT.replace("6 * 2", "6 * 3").replace("12", "18"), "Its answer 18 differs from the reference answer 12."),
        (RIGHT.replace("6 * 2", "1 / 0"), "Block 1 ended with error: ZeroDivisionError"),
    ],
)
def test_an_edited_solution_that_is_not_right_is_refused_and_no_rejection(
    run: RunFolder, tmp_path: Path, edited: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "items"
    assert command(run, "--export", str(file)) == 0
    solution = next(row for row in rows_of(file) if is_solution(row["key"], row["problem_id"]))
    label = next(row for row in rows_of(file) if row["key"].startswith("label:"))
    rows = [solution, label]
    for row in rows:
        row["decisions"] = [{"reviewer": "ada", "verdict": "edit", "edited": edited}]
    rows[1]["decisions"].append({"reviewer": "bob", "verdict": "accept"})
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert command(run, "--import", str(file)) == 0
    told = capsys.readouterr().out
    assert "1 added, 2 refused" in told
    assert f"by ada: {reason}" in told
    assert "by ada: Only solutions can be edited." in told
    with run.open_store(run.read_config()) as store:
        assert [one.reviewer for one in store.reviews.decisions()] == ["bob"]


@pytest.mark.parametrize(
    ("form", "content", "message"),
    [
        (
            "jsonl",
            '{"key": "solution:1-0", "decisions": [{"reviewer": "a", "verdict": "edit"}]}',
            "'edited' is 'None' and should be of type str",
        ),
        ("jsonl", "{}", "record 1: 'key' is 'None' and should be of type str"),
        ("jsonl", "[]\n", "record 1: '[]' is no object"),
        ("jsonl", "{", "not JSON"),
        (
            "jsonl",
            '{"key": "solution:1-0", "decisions": [{"reviewer": "a", "verdict": "maybe"}]}',
            "is no verdict: accept",
        ),
        ("argilla", "{}", "is no list of records"),
        ("argilla", '[{"id": "x", "responses": {"verdict": [{"value": "accept"}]}}]', "has no user_id"),
        ("argilla", '[{"id": "x", "responses": []}]', "'responses' is '[]' and should be of type dict"),
    ],
)
def test_a_record_that_is_none_is_named(
    run: RunFolder, tmp_path: Path, form: str, content: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "bad"
    file.write_text(content)
    assert command(run, "--import", str(file), "--format", form) == 2
    assert message in capsys.readouterr().err


def test_an_export_replaces_no_file(run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "kept").write_text("mine")
    assert command(run, "--export", str(tmp_path / "kept")) == 2
    assert command(run, "--import", str(tmp_path / "missing")) == 2
    assert "there is no such file" in capsys.readouterr().err
    assert (tmp_path / "kept").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--serve", "--host", "0.0.0.0"), "reviewers on other machines must show a token"),
        (("--serve", "--host", "0.0.0.0", "--as", "ada"), "others would decide under this name"),
        (("--serve", "--as", "\n"), "printable"),
        (("--serve", "3"), "--serve shows all queues"),
        (("--serve", "--reviewers", "FILE", "--as", "ada"), "omit --as"),
    ],
)
def test_options_that_are_unsafe_or_contradict_each_other_are_named(
    run: RunFolder, tmp_path: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "reviewers"
    file.write_text("ada " + "0" * 64 + "\n")
    assert command(run, *(str(file) if one == "FILE" else one for one in arguments)) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [("ada\n", "line 1"), ("# nobody\n\n", "there is no reviewer"), (f"a {'0' * 64}\na {'1' * 64}\n", "there twice")],
)
def test_a_file_of_reviewers_that_is_none_is_explained(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "reviewers").write_text(content)
    with pytest.raises(Exception, match=message):
        read_reviewers(tmp_path / "reviewers")


def test_the_command_serves_until_a_signal(run: RunFolder) -> None:
    program = "import sys; from cluster.cli import main; sys.exit(main())"
    options = ["--serve", "--port", "0", "--as", "ada", "--run", str(run.path)]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "review", *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert process.stdout is not None
        (url,) = re.findall(r"are at (http://[\d.:]+) \(Ctrl-C", process.stdout.readline())
        assert "Queues" in httpx.get(url, timeout=60).text
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    finally:
        process.kill()
