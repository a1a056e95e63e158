"""This project's own server as the teacher of `automathes annotate`."""

import json
from pathlib import Path

import pytest

from cluster.cli import main
from store.records import Problem, Split
from store.store import Store

from .server import QUESTION, TOKEN

MODEL = "automathes/arithmetic-1"


@pytest.mark.parametrize("more", [["--calls", "tools"], ["--calls", "tools", "--no-stream"], ["--calls", "fenced"]])
def test_its_answers_are_counted_by_their_usage(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    store = f"sqlite:///{tmp_path}/store.db"
    with Store.open(store) as opened:
        opened.problems.add([Problem("p1", QUESTION, "42", "test", Split.TRAIN, "key")])
    prompt = tmp_path / "prompt.txt"
    prompt.write_text("Solve it.")
    teacher = ["--model", MODEL, "--base-url", url, "--price", "1,1", "--budget", "1", "--prompt", str(prompt)]

    assert main(["annotate", "--store", store, *teacher, "--max-tokens", "128", *more, "--json"]) == 0

    found = json.loads(capsys.readouterr().out)
    assert (found["failed"], sum(found["attempts"].values())) == (0, 3)
    assert "open" not in found["attempts"]
    assert set(found["requests"]) == {"settled"}
    assert found["spent_usd"] == f"0.{found['spent_tokens']:06d}"
