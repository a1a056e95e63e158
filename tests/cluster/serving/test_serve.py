"""`automathes serve` with OpenAI's client."""

import re
import shutil
import socket
from collections.abc import Iterator
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
from cluster.serving.solving.streaming import IncrementalDecoder
from learner.bases.tiny_llama import TinyLlama
from store.records import Policy
from store.store import Store

from .server import ENDLESS, FIRST, HEADERS, QUESTION, SECOND, health, promote, wait_until


def ask(client: openai.OpenAI, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "model": "automathes/arithmetic-1",
        "messages": [{"role": "user", "content": QUESTION}],
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


NEUTRAL = {
    "frequency_penalty": 0,
    "presence_penalty": 0.0,
    "logprobs": False,
    "top_logprobs": None,
    "logit_bias": {},
    "tools": [],
    "response_format": {"type": "text"},
    "parallel_tool_calls": True,
    "user": "somebody",
    "metadata": {"trial": "7"},
    "store": False,
}


def test_values_that_ask_for_nothing_are_accepted_and_the_model_may_be_left_out(client: openai.OpenAI) -> None:
    assert ask(client, **NEUTRAL).choices[0].message.content == FIRST
    assert ask(client, model=openai.omit).model == "automathes/arithmetic-1@v1"


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_text_ends_a_solution_before_it(client: openai.OpenAI, url: str, stream: bool) -> None:
    reply = ask(client, stop=["boxed", "never"], stream=stream)
    if stream:
        chunks = list(reply)
        content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        reason = chunks[-1].choices[0].finish_reason
    else:
        content, reason = reply.choices[0].message.content, reply.choices[0].finish_reason
        assert 0 < reply.usage.completion_tokens < ask(client).usage.completion_tokens
    assert (content, reason) == (FIRST.partition("boxed")[0], "stop")
    assert health(url)["in_flight"] == 0


def test_a_seed_makes_sampled_solutions_the_same_again(client: openai.OpenAI) -> None:
    def contents(seed: int) -> list[str]:
        completion = ask(client, n=2, temperature=2, seed=seed, max_tokens=30)
        return [choice.message.content for choice in completion.choices]

    first = contents(1)
    assert first == contents(1)
    assert first != contents(2)
    assert first[0] != first[1]


def test_earlier_turns_are_part_of_the_prompt(client: openai.OpenAI) -> None:
    turns = [
        {"role": "user", "content": "What is 2 * 2?"},
        {"role": "assistant", "content": "\\boxed{4}"},
        {"role": "user", "content": QUESTION},
    ]
    alone, whole = ask(client, messages=turns[-1:], max_tokens=1), ask(client, messages=turns, max_tokens=1)
    assert whole.usage.prompt_tokens > alone.usage.prompt_tokens + 5


def test_a_solution_continues_after_the_output_of_its_code(client: openai.OpenAI) -> None:
    code, output, answer = re.split(r"```output\n(.*?)\n```\n", FIRST)
    turns = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": code},
        {"role": "tool", "content": f"{output}\n", "tool_call_id": "call-1"},
    ]
    assert ask(client, messages=turns).choices[0].message.content == answer


def test_streamed_pieces_join_to_the_same_solution(client: openai.OpenAI) -> None:
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))
    deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    assert deltas[0].role == "assistant"
    assert "".join(delta.content or "" for delta in deltas) == FIRST
    assert len(deltas) > 5, "turns are streamed in pieces: on a busy machine several tokens are one"
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
        ({"top_logprobs": 1}, "top_logprobs"),
        ({"frequency_penalty": 2.5}, "frequency_penalty"),
        ({"logit_bias": {"100000": 1}}, "logit_bias"),
        ({"tools": [{"type": "function", "function": {"name": "search"}}]}, "tools[0].function.name"),
        ({"extra_body": {"repetition_penalty": 1.1}}, "repetition_penalty"),
        ({"stop": [""]}, "stop[0]"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"seed": 7, "temperature": 1, "top_p": 0.9}, "seed"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
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


def test_clients_without_the_token_are_refused(client: openai.OpenAI, url: str) -> None:
    with pytest.raises(openai.AuthenticationError, match="the token is wrong"):
        ask(client.with_options(api_key="another"))
    assert httpx.get(f"{url}/models").status_code == 401
    assert httpx.get(f"{url.removesuffix('/v1')}/openapi.json", headers=HEADERS).status_code == 404


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
    reply = httpx.post(f"{url}/chat/completions", content=body, headers=HEADERS)
    assert (reply.status_code, reply.json()["error"]["type"]) == (400, "invalid_request_error")


def test_a_text_is_continued_without_the_interpreter(client: openai.OpenAI) -> None:
    prompt = f"Question: {QUESTION}\nSolution:\n"
    model = "automathes/arithmetic-1"
    whole = client.completions.create(model=model, prompt=prompt, max_tokens=100, temperature=0)
    assert (whole.choices[0].text, whole.choices[0].finish_reason) == (FIRST, "stop")
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    short = client.completions.create(model=model, prompt=[prompt, prompt], temperature=0, n=2)
    assert [choice.index for choice in short.choices] == [0, 1, 2, 3]
    assert {choice.finish_reason for choice in short.choices} == {"length"}
    assert short.usage.completion_tokens == 4 * 16
    assert short.usage.prompt_tokens == 2 * whole.usage.prompt_tokens
    chunks = list(
        client.completions.create(
            model=model,
            prompt=prompt,
            max_tokens=100,
            temperature=0,
            stop="42",
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert "".join(chunk.choices[0].text for chunk in chunks[:-1]) == FIRST.partition("42")[0]
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.prompt_tokens == whole.usage.prompt_tokens


@pytest.mark.parametrize("prompt", ["", [], [[]], [1, 100_000], "7 " * 5000], ids=lambda prompt: str(prompt)[:20])
def test_a_prompt_that_cannot_be_continued_is_refused(client: openai.OpenAI, prompt: Any) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.completions.create(model="automathes/arithmetic-1", prompt=prompt)
    assert caught.value.param == "prompt"


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
    wait_until(lambda: health(url)["in_flight"] == 0, 20.0, "rollouts without a client end")


@pytest.fixture
def first_again(run: RunFolder, url: str) -> Iterator[None]:
    """Leaves the server with policy 1, as other tests expect it."""
    yield
    promote(run, 1)
    wait_until(lambda: health(url)["policy_version"] == 1, 30.0, "policy 1 is served again")


@pytest.mark.usefixtures("first_again")
def test_a_promoted_policy_is_swapped_in_without_dropping_a_request(
    client: openai.OpenAI, url: str, run: RunFolder
) -> None:
    under_way = ask(client, stream=True, max_tokens=1500, temperature=1.5, n=4)
    next(iter(under_way))
    promote(run, 2)
    wait_until(lambda: health(url)["policy_version"] == 2, 30.0, "the promoted policy is swapped in")
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


def test_a_host_that_others_reach_needs_a_token(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--run", str(run.path), "--host", "0.0.0.0", "--port", "0"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--token-file" in error


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


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--preset", "demo"], "--preset is for --folder"),
        (["--policy", "7"], "has no policy 7, only 1, 2"),
        (["--beside", "8"], "has no policy 8"),
        (["--rerank", "value"], "no value model yet: `automathes value train` trains one"),
        (["--value-model", "1"], "--value-model is for --rerank value"),
    ],
    ids=str,
)
def test_what_a_run_cannot_serve_is_a_one_line_error(
    run: RunFolder, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert main(["serve", "--run", str(run.path), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert reason in error


def test_what_a_folder_cannot_serve_is_a_one_line_error(
    run: RunFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run.policy(1), tmp_path / "mine")
    for arguments, reason in (
        (["--folder", str(tmp_path / "mine")], "name settings for it, with --preset or --config"),
        (["--folder", str(tmp_path / "mine"), "--collect"], "leave --collect out"),
        (["--folder", str(tmp_path / "mine"), "--rerank", "value"], "leave --rerank out"),
        (["--folder", str(tmp_path), "--preset", "demo"], "holds no config.json"),
    ):
        assert main(["serve", *arguments]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert reason in error
