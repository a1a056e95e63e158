"""Clients that nobody here wrote, as their users call them."""

import asyncio
import json
import subprocess
from pathlib import Path
from typing import Any

import openai
import pytest

from .server import ENDLESS, FIRST, QUESTION, TOKEN, health, wait_until

MODEL = "automathes/arithmetic-1"
ASKED: Any = [{"role": "user", "content": QUESTION}]
PROMPT = f"Question: {QUESTION}\nSolution:\n"
BOXED = {"function": "regex", "regex_pattern": r"boxed\{(.*?)\}"}
DEADLINE_S = 20.0


def test_curl(url: str) -> None:
    body = json.dumps({"messages": ASKED})
    command = ["curl", "-sS", f"{url}/chat/completions", "-H", f"Authorization: Bearer {TOKEN}"]
    command += ["-H", "Content-Type: application/json", "-d", body]

    reply = json.loads(subprocess.check_output(command, timeout=60))

    assert reply["choices"][0]["message"]["content"] == FIRST


async def test_openai_without_waiting(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key=TOKEN) as client:
        whole = await client.chat.completions.create(model=MODEL, messages=ASKED)
        stream = await client.chat.completions.create(model=MODEL, messages=ASKED, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
    assert "".join(pieces) == whole.choices[0].message.content == FIRST


async def test_openai_cancelled(url: str) -> None:
    async with openai.AsyncOpenAI(base_url=url, api_key=TOKEN) as client:
        endless: Any = [{"role": "user", "content": ENDLESS}]
        asking = asyncio.create_task(client.chat.completions.create(model=MODEL, messages=endless))
        await asyncio.to_thread(until_in_flight, url, 1)
        asking.cancel()
        await asyncio.to_thread(until_in_flight, url, 0)


def until_in_flight(url: str, count: int) -> None:
    wait_until(lambda: health(url)["in_flight"] == count, DEADLINE_S, f"{count} requests are under way")


def test_langchain(url: str) -> None:
    langchain_openai = pytest.importorskip("langchain_openai")
    model = langchain_openai.ChatOpenAI(base_url=url, api_key=TOKEN, model=MODEL, temperature=0, max_retries=0)

    assert model.invoke([("human", QUESTION)]).content == FIRST
    assert "".join(chunk.content for chunk in model.stream([("human", QUESTION)])) == FIRST
    earlier = [("system", "Be brief."), ("human", "What is 2 * 2?"), ("ai", "\\boxed{4}"), ("human", QUESTION)]
    assert model.invoke(earlier).usage_metadata["input_tokens"] > 10


@pytest.mark.parametrize(
    ("kind", "endpoint", "question"),
    [("local-chat-completions", "chat/completions", QUESTION), ("local-completions", "completions", PROMPT)],
)
def test_lm_eval(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, endpoint: str, question: str
) -> None:
    evaluator = pytest.importorskip("lm_eval.evaluator")
    monkeypatch.setenv("OPENAI_API_KEY", TOKEN)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    data = tmp_path / "problems.jsonl"
    data.write_text(json.dumps({"question": question, "answer": "42"}) + "\n")
    task = {
        "task": "memorised",
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        "output_type": "generate_until",
        "doc_to_text": "{{question}}",
        "doc_to_target": "{{answer}}",
        "generation_kwargs": {"until": ["</s>"], "max_gen_toks": 100, "temperature": 0.0},
        "filter_list": [{"name": "box", "filter": [BOXED, {"function": "take_first"}]}],
        "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    }
    arguments = {
        "model": MODEL,
        "base_url": f"{url}/{endpoint}",
        "tokenizer_backend": None,
        "tokenized_requests": False,
    }

    results = evaluator.simple_evaluate(
        model=kind, model_args=arguments, tasks=[task], apply_chat_template=kind == "local-chat-completions"
    )

    assert results["results"]["memorised"]["exact_match,box"] == 1.0
