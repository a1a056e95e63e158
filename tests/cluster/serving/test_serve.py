"""`automathes serve` with OpenAI's client: one real server for all tests, and policies that memorised one question."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from actors.formats import get_format
from actors.rollouts.codec import Codec
from cluster.cli import main
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder
from cluster.serving.streaming import IncrementalDecoder
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import Policy
from store.store import Store

QUESTION = "What is 6 * 7?"
SOLUTION = "```python\nprint({code})\n```\n```output\n{answer}\n```\n\\boxed{{{answer}}}"
FIRST = SOLUTION.format(code="6*7", answer=42)
SECOND = SOLUTION.format(code="6+7", answer=13)
ENDLESS = "Wait."
WAITING = "```python\nimport time; time.sleep(60)\n```\n```output\n\n```\n\\boxed{0}"
START_S = 240.0
SERVE = "import sys; from cluster.cli import main; sys.exit(main())"

BASE = TinyLlama(
    vocabulary_size=300,
    hidden_size=64,
    num_layers=2,
    intermediate_size=128,
    num_heads=2,
    num_kv_heads=1,
    max_position_embeddings=4096,
)
SETTINGS = [
    "sampler.engine.max_model_len=4096",
    "sampler.engine.max_concurrent_rollouts=32",
    "sampler.limits.max_tokens=128",
    "sandbox.block_wall_s=60",
]


def memorise(base: Path, folder: Path, solution: str) -> None:
    """Save a copy of the base that has memorised two solutions: the given one, and one of ENDLESS that sleeps."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    codec = Codec(tokenizer, get_format("tir"))
    lessons = []
    for question, text in ((QUESTION, solution), (ENDLESS, WAITING)):
        encoded = codec.solution(question, codec.format.split_solution(text))
        lessons.append(torch.tensor([[*encoded.prompt_ids, *encoded.token_ids]]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(300):
        losses = [model(input_ids=ids, labels=ids).loss for ids in lessons]
        if max(losses).item() < 0.05:
            break
        torch.stack(losses).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with two policies; the first one is promoted."""
    folder = RunFolder(tmp_path_factory.mktemp("runs") / "arithmetic-1")
    config = load_config("demo", None, SETTINGS)
    folder.write_config(config)
    base = folder.policy(0)
    make_base(BASE, base, [f"Question: {QUESTION}\nSolution:\n{FIRST}", f"Question: {ENDLESS}\nSolution:\n{WAITING}"])
    with Store.open(folder.store_url(config)) as store:
        for solution in (FIRST, SECOND):
            version = store.policies.next_version()
            memorise(base, folder.policy(version), solution)
            store.policies.add(Policy(version, None, str(folder.policy(version))))
        store.policies.promote(1)
    return folder


def serve(run: RunFolder, log: Path, *arguments: str) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-c", SERVE, "serve", "--run", str(run.path), *arguments]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)


@pytest.fixture(scope="module")
def url(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on a free port. After an interrupt none of its processes may be left."""
    log = tmp_path_factory.mktemp("serve") / "log"
    server = serve(run, log, "--port", "0")
    try:
        found = wait_for(
            lambda: re.search(r"serving automathes/arithmetic-1@v1 at (\S+)", log.read_text()), server, log
        )
        yield found.group(1)
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait(60) == 0, log.read_text()
        assert not session_members(server.pid)
    finally:
        if server.poll() is None:
            server.kill()


def wait_for(condition: Callable[[], Any], server: "subprocess.Popen[bytes]", log: Path) -> Any:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        if found := condition():
            return found
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()}")


def session_members(session: int) -> list[str]:
    """The commands of a session's live processes."""
    out = subprocess.run(["ps", "-eo", "sess=,stat=,args="], capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 2) for line in out.splitlines())
    return [row[2] for row in rows if int(row[0]) == session and not row[1].startswith("Z")]


@pytest.fixture(scope="module")
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="none", max_retries=0, timeout=60.0)


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "model": "automathes/arithmetic-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": QUESTION}],
        "temperature": 0,
    }
    return client.chat.completions.create(**(arguments | changes))


def test_models_list_the_version_that_is_served(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["automathes/arithmetic-1@v1", "automathes/arithmetic-1"]
    assert client.models.retrieve("automathes/arithmetic-1").automathes == {"policy_version": 1}


def test_a_completion_is_the_whole_solution_with_its_executions(client: openai.OpenAI) -> None:
    completion = ask(client)
    choice = completion.choices[0]
    assert completion.model == "automathes/arithmetic-1@v1"
    assert choice.message.content == FIRST
    assert choice.finish_reason == "stop"
    assert choice.automathes["answer"] == "42"
    assert choice.automathes["policy_version"] == 1
    assert [(e["status"], e["source"], e["stdout"]) for e in choice.automathes["executions"]] == [
        ("ok", "print(6*7)", "42\n")
    ]
    usage = completion.usage
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 20
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_streamed_pieces_join_to_the_same_solution(client: openai.OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == FIRST
    assert len(deltas) > 10, "a turn is streamed token by token"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]][-2:] == [None, "stop"]
    assert chunks[-2].choices[0].automathes["answer"] == "42"
    assert chunks[-1].usage == ask(client).usage


def test_several_solutions_in_one_request(client: openai.OpenAI) -> None:
    completion = ask(client, n=2)
    assert [choice.index for choice in completion.choices] == [0, 1]
    assert [choice.message.content for choice in completion.choices] == [FIRST, FIRST]
    contents = {0: "", 1: ""}
    for chunk in ask(client, n=2, stream=True):
        contents[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert contents == {0: FIRST, 1: FIRST}


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_limit_on_tokens_ends_a_solution(client: openai.OpenAI, name: str) -> None:
    completion = ask(client, **{name: 5})
    assert completion.choices[0].finish_reason == "length"
    assert completion.choices[0].automathes["answer"] is None
    assert completion.usage.completion_tokens == 5
    assert FIRST.startswith(completion.choices[0].message.content)


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"temperature": 3}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"n": 9}, "n"),
        ({"n": 0}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5000}, "max_tokens"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"seed": 1}, "seed"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "assistant", "content": "hm"}]}, "messages"),
        ({"messages": [{"role": "user", "content": "7 " * 5000}]}, "messages"),
        ({"messages": [{"role": "poet", "content": "hm"}]}, "messages[0].role"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages[0].content"),
    ],
)
def test_an_invalid_parameter_is_rejected_by_name(client: openai.OpenAI, changes: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, **changes)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"
    assert param in str(caught.value)


def test_unknown_models_and_routes_are_not_found(client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.NotFoundError, match="automathes/arithmetic-1@v1"):
        ask(client, model="gpt-7")
    with pytest.raises(openai.NotFoundError):
        client.embeddings.create(model="automathes/arithmetic-1", input="6")


@pytest.mark.parametrize(
    "body",
    [
        b"{'model'",
        b"[]",
        b"",
        b'{"model": "automathes/arithmetic-1", "messages": [{"role": "user", "content": "\\ud800"}]}',
        b'{"\\ud800": 1, "model": "m", "messages": [{"role": "user", "content": "6"}]}',
    ],
)
def test_an_invalid_body_is_rejected(url: str, body: bytes) -> None:
    reply = httpx.post(f"{url}/chat/completions", content=body, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


def health(url: str) -> dict[str, Any]:
    reply: dict[str, Any] = httpx.get(f"{url.removesuffix('/v1')}/health").raise_for_status().json()
    return reply


def test_rollouts_of_a_disconnected_client_are_cancelled(client: openai.OpenAI, url: str) -> None:
    endless = {"messages": [{"role": "user", "content": ENDLESS}]}
    with ask(client, stream=True, **endless) as stream:
        pieces = (chunk.choices[0].delta.content or "" for chunk in stream)
        received = ""
        while "sleep(60)\n```\n" not in received:
            received += next(pieces)
        assert health(url)["in_flight"] == 1
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=2.0), **endless)
    deadline = time.monotonic() + 20
    while health(url)["in_flight"] > 0:
        assert time.monotonic() < deadline, "rollouts continue without a client"
        time.sleep(0.1)


def test_a_promoted_policy_is_swapped_in_without_dropping_a_request(
    client: openai.OpenAI, url: str, run: RunFolder
) -> None:
    under_way = ask(client, stream=True, max_tokens=1500, temperature=1.5, n=4)
    next(iter(under_way))
    with Store.open(run.store_url(run.read_config())) as store:
        store.policies.promote(2)
    deadline = time.monotonic() + 30
    while health(url)["policy_version"] != 2:
        assert time.monotonic() < deadline, "the promoted policy was not swapped in"
        time.sleep(0.1)
    ends = [chunk.choices[0].finish_reason for chunk in under_way]
    assert len([end for end in ends if end is not None]) == 4
    assert next(model.id for model in client.models.list()) == "automathes/arithmetic-1@v2"
    completion = ask(client)
    assert completion.model == "automathes/arithmetic-1@v2"
    assert completion.choices[0].message.content == SECOND
    with pytest.raises(openai.NotFoundError, match="@v2"):
        ask(client, model="automathes/arithmetic-1@v1")


def test_a_port_in_use_is_a_one_line_error(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--run", str(run.path), "--port", str(port)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert str(port) in error
    assert "--port" in error


def test_a_host_of_another_machine_is_a_one_line_error(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--run", str(run.path), "--host", "192.0.2.1", "--port", "0"]) == 2
    assert "192.0.2.1 is not an address of this machine" in capsys.readouterr().err


def test_a_run_without_a_promoted_policy_is_a_one_line_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = RunFolder(tmp_path / "young-1")
    config = load_config("demo", None, [])
    folder.write_config(config)
    Store.open(folder.store_url(config)).close()
    assert main(["serve", "--run", str(folder.path)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("automathes: run young-1 has no promoted policy yet")
    assert error.count("\n") == 1


def test_a_policy_without_weights_is_a_one_line_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(tmp_path / "broken-1")
    config = load_config("demo", None, [])
    folder.write_config(config)
    folder.policy(1).mkdir(parents=True)
    (folder.policy(1) / "config.json").write_text("{}")
    with Store.open(folder.store_url(config)) as store:
        version = store.policies.next_version()
        store.policies.add(Policy(version, None, str(folder.policy(version))))
        store.policies.promote(version)
    assert main(["serve", "--run", str(folder.path), "--port", "0"]) == 2
    error = capsys.readouterr().err
    assert "holds no weights" in error
    assert error.count("\n") == 1


def test_incomplete_characters_are_held_back(tmp_path: Path) -> None:
    TinyLlama(vocabulary_size=260).make(tmp_path / "policy", ["x"])
    codec = Codec.from_folder(tmp_path / "policy", get_format("tir"))
    text = "so α ≠ ½, \\boxed{7}\n"
    decoder = IncrementalDecoder(codec)
    pieces = [decoder.decode([token]) for token in codec.text(text)]
    assert "" in pieces
    assert "".join(pieces) + decoder.flush() == text
    assert IncrementalDecoder(codec).flush() == ""
    truncated = IncrementalDecoder(codec)
    assert truncated.decode(codec.text("α")[:1]) == ""
    assert truncated.flush() == "\ufffd"
