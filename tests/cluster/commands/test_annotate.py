"""`automathes annotate` as a user starts it, and as a kill ends it."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder
from store.records import Problem, Split
from store.store import Store

from ...teacher_server import MODEL, PRICE, TeacherServer, teacher_server

COMMAND = [sys.executable, "-c", "import sys; from cluster.cli import main; sys.exit(main())"]
BUDGET = "0.90"
_LIMIT_S = 120.0


@pytest.fixture
def server() -> Iterator[TeacherServer]:
    with teacher_server() as server:
        yield server


@pytest.fixture
def annotated(tmp_path: Path) -> RunFolder:
    """A run with twelve sums to train on, whose sandbox starts at once."""
    config = load_config("demo", None, ["sandbox.preload=[]", "answer_checker.symbolic=false"])
    folder = new_run_folder(tmp_path / "runs", "test")
    folder.write_config(config)
    with Store.open(folder.store_url(config)) as store:
        store.problems.add(
            Problem(f"p{i}", f"What is {i} + {7 * i}?", str(8 * i), "sums", Split.TRAIN, f"key-{i}") for i in range(12)
        )
    return folder


def options(folder: RunFolder, server: TeacherServer, *more: str) -> list[str]:
    teacher = ["--model", MODEL, "--base-url", server.url, "--price", PRICE, "--budget", BUDGET]
    return ["annotate", "--run", str(folder.path), *teacher, "--temperatures", "0,0.5,0.6", *more]


def opened(folder: RunFolder) -> Store:
    return folder.open_store(folder.read_config())


def test_its_result_is_json_and_a_file(annotated: RunFolder, server, tmp_path: Path, capsys) -> None:
    out = tmp_path / "demonstrations.jsonl"
    assert main(options(annotated, server, "--limit", "4", "--out", str(out), "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["attempts"], found["verdicts"], found["kept"]) == ({"accepted": 12}, {"verified": 4}, 4)
    assert found["spent_usd"] == f"0.{server.charged_microusd:06d}"
    assert found["this_start"]["turns"] == 24
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert all(row["answer"] in row["solution"] and row["teacher"] == MODEL for row in rows)

    server.wrong = lambda question, temperature: 1
    assert main(options(annotated, server)) == 0
    assert main(["annotate", "--run", str(annotated.path), "--report", "--limit", "3", "--json"]) == 0
    (job,) = json.loads(capsys.readouterr().out.splitlines()[-1])["jobs"]
    assert job["verdicts"] == {"verified": 4, "disputed": 8}
    assert [one["verdict"] for one in job["listed"]] == ["disputed"] * 3
    assert all(float(one["spent_usd"]) > 0 for one in job["listed"])

    assert main(["review", "1", "--run", str(annotated.path)]) == 0
    assert "3 of 3 attempts of the teacher adder-1 agree on it" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--price", "2"], "INPUT,OUTPUT"),
        (["--price", "2,many"], "not an amount of dollars"),
        (["--budget", "-1"], "not an amount of dollars"),
        (["--temperatures", "3"], "temperatures are from 0 to 2"),
        (["--base-url", "localhost"], "base-url"),
        (["--prompt", "no-such-file"], "cannot be read"),
        (["--out", "no/such/folder/file"], "no such folder"),
        (["--store", "sqlite:///x.db"], "omit one of them"),
    ],
)
def test_wrong_use_is_explained(annotated: RunFolder, server, capsys, arguments: list[str], message: str) -> None:
    assert main([*options(annotated, server), *arguments]) == 2
    assert message in capsys.readouterr().err
    assert server.asked == []


def test_a_teacher_that_costs_needs_a_price_and_a_budget(annotated: RunFolder, server, tmp_path: Path, capsys) -> None:
    start = ["annotate", "--run", str(annotated.path), "--model", MODEL, "--base-url", server.url]
    assert main(start) == 2
    assert "there is no price for adder-1" in capsys.readouterr().err
    assert main([*start, "--price", PRICE]) == 2
    assert "--budget 20" in capsys.readouterr().err
    file = tmp_path / "teacher.toml"
    file.write_text(f'[prices."{MODEL}"]\ninput = 2\noutput = 8.0\n')
    assert main([*start, "--config", str(file), "--budget", "1", "--limit", "1"]) == 0
    assert len(server.asked) == 6


def stored_places(folder: RunFolder) -> set[tuple[str, int, float]]:
    """The turns that are stored: question, number and temperature."""
    with opened(folder) as store, store._database.engine.connect() as connection:
        query = """
            SELECT question, number, temperature FROM annotation_turns
            JOIN annotation_attempts ON attempt_id = annotation_attempts.id JOIN problems ON problem_id = problems.id
        """
        return {(question, number, temperature) for question, number, temperature in connection.exec_driver_sql(query)}


def wait_for_requests(server: TeacherServer, count: int, process: subprocess.Popen[Any]) -> None:
    give_up_at = time.monotonic() + _LIMIT_S
    while len(server.asked) < count and process.poll() is None:
        assert time.monotonic() < give_up_at, "no request came"
        time.sleep(0.01)


def kill_and_resume(folder: RunFolder, server: TeacherServer, kills: int) -> None:
    rng = random.Random(11)
    server.delay_s = 0.2
    command = [*COMMAND, *options(folder, server, "--concurrency", "3", "--json")]
    for _ in range(kills):
        stored, before = stored_places(folder), len(server.asked)
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_for_requests(server, before + rng.randint(1, 6), process)
        time.sleep(rng.uniform(0, 0.25))
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(0.3)  # what was under way arrives at the server
        assert not stored & {one.place for one in server.asked[before:]}, "a stored turn was sent again"
    server.delay_s = 0.0
    last = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=_LIMIT_S)
    check_ledger(folder, server, json.loads(last.stdout))


def check_ledger(folder: RunFolder, server: TeacherServer, result: dict[str, Any]) -> None:
    """Each turn was paid once, besides those that were under way when the process was killed, which are counted."""
    assert result["attempts"] == {"accepted": 36}
    assert result["requests"]["settled"] == len(stored_places(folder)) == 72
    sent_again = sum(count - 1 for count in Counter(one.place for one in server.asked).values())
    assert sent_again <= result["requests"].get("lost", 0)
    spent = round(float(result["spent_usd"]) * 1_000_000)
    assert server.charged_microusd <= spent <= float(BUDGET) * 1_000_000
    assert result["reserved_usd"] == "0.000000"


def test_after_a_kill_no_turn_is_paid_twice(annotated: RunFolder, server: TeacherServer) -> None:
    kill_and_resume(annotated, server, kills=1)


@pytest.mark.slow
def test_after_ten_kills_no_turn_is_paid_twice(annotated: RunFolder, server: TeacherServer) -> None:
    kill_and_resume(annotated, server, kills=10)


def test_ctrl_c_waits_for_what_is_under_way(annotated: RunFolder, server: TeacherServer) -> None:
    server.delay_s = 0.5
    process = subprocess.Popen([*COMMAND, *options(annotated, server, "--json")], stdout=subprocess.PIPE, text=True)
    wait_for_requests(server, 4, process)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=_LIMIT_S)
    result = json.loads(out)
    assert process.returncode == 1
    assert result["this_start"]["stopped"]
    assert result["requests"] == {"settled": len(server.asked)}
