"""Options of requests, with a real server: log-probabilities, penalties, forms, tools, and choices among attempts."""

import json
import math
import re
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from actors.formats import get_format
from actors.rollouts.codec import Codec
from cluster.config.run_folder import RunFolder

from .server import FIRST, HEADERS, QUESTION
from .test_serve import ask

CODE, ANSWER = "print(6*7)", "\\boxed{42}"
PYTHON = {
    "type": "function",
    "function": {
        "name": "python",
        "description": "Run Python.",
        "parameters": {"type": "object", "properties": {"code": {"type": "string"}}, "required": ["code"]},
    },
}


@pytest.mark.parametrize("stream", [False, True])
def test_log_probabilities_of_what_the_policy_wrote(client: openai.OpenAI, stream: bool) -> None:
    reply = ask(client, logprobs=True, top_logprobs=2, stream=stream)
    choices = [chunk.choices[0] for chunk in reply] if stream else reply.choices
    tokens = [token for choice in choices if choice.logprobs for token in choice.logprobs.content]
    written = FIRST.replace("```output\n42\n```\n", "")
    assert "".join(token.token for token in tokens).startswith(written)
    assert all(-1 < token.logprob <= 0 for token in tokens), "it has memorised them"
    assert all(len(token.top_logprobs) == 2 for token in tokens)
    assert all(token.top_logprobs[0].token == token.token for token in tokens), "greedy"
    assert all(token.top_logprobs[0].logprob >= token.top_logprobs[1].logprob for token in tokens)
    assert all(bytes(token.bytes).decode(errors="replace") == token.token for token in tokens)


def test_log_probabilities_of_a_continued_text(client: openai.OpenAI) -> None:
    prompt = f"Question: {QUESTION}\nSolution:\n"
    reply = client.completions.create(model="automathes/arithmetic-1", prompt=prompt, temperature=0, logprobs=1)
    found = reply.choices[0].logprobs
    assert "".join(found.tokens) == reply.choices[0].text
    assert len(found.token_logprobs) == len(found.top_logprobs) == len(found.text_offset) == 16
    assert found.text_offset[:2] == [0, len(found.tokens[0])]


def test_the_most_probable_of_several_continuations_is_sent(client: openai.OpenAI) -> None:
    arguments: dict[str, Any] = {"model": "automathes/arithmetic-1", "prompt": "Question:", "max_tokens": 8, "seed": 3}
    every = client.completions.create(**arguments, n=6, logprobs=0)
    best = client.completions.create(**arguments, n=1, best_of=6)
    ranked = max(every.choices, key=lambda choice: math.fsum(choice.logprobs.token_logprobs))
    assert [choice.text for choice in best.choices] == [ranked.text]
    assert best.usage.completion_tokens == every.usage.completion_tokens


def test_a_bias_keeps_a_token_out(client: openai.OpenAI, run: RunFolder) -> None:
    first = Codec.from_folder(Path(run.policy(1)), get_format("tir")).text(FIRST)[0]
    whole, biased = (ask(client, logit_bias=bias, max_tokens=1) for bias in ({}, {str(first): -100}))
    assert whole.choices[0].message.content == "```"
    assert biased.choices[0].message.content != "```"


def test_a_penalty_keeps_a_text_from_repeating_itself(client: openai.OpenAI) -> None:
    def distinct(penalty: float) -> int:
        reply = client.completions.create(
            model="automathes/arithmetic-1",
            prompt="Wait.",
            max_tokens=200,
            temperature=1,
            seed=4,
            logprobs=0,
            presence_penalty=penalty,
            frequency_penalty=penalty,
        )
        return len(set(reply.choices[0].logprobs.tokens))

    assert distinct(-2) < 10 < distinct(2)


@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_alone(client: openai.OpenAI, stream: bool) -> None:
    reply = ask(client, stream=stream, extra_body={"automathes": {"content": "answer"}})
    if stream:
        assert "".join(chunk.choices[0].delta.content or "" for chunk in reply) == "42"
    else:
        assert reply.choices[0].message.content == "42"
        assert reply.choices[0].automathes["executions"][0]["stdout"] == "42\n"


def test_the_most_frequent_answer_of_several_attempts(client: openai.OpenAI) -> None:
    one = ask(client).usage.completion_tokens
    reply = ask(client, temperature=0.3, seed=5, extra_body={"automathes": {"majority_of": 8}})
    [choice] = reply.choices
    assert choice.automathes["answer"] == "42"
    assert choice.automathes["votes"][0][0] == "42"
    assert sum(count for _, count in choice.automathes["votes"]) <= 8
    assert reply.usage.completion_tokens > 4 * one, "all attempts are counted"


def test_the_most_probable_of_several_attempts(client: openai.OpenAI) -> None:
    reply = ask(client, temperature=1.5, seed=5, extra_body={"automathes": {"best_of": 4}})
    assert len(reply.choices) == 1
    assert "votes" not in reply.choices[0].automathes


def test_a_value_model_that_the_server_lacks_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="this server has no value model") as caught:
        ask(client, extra_body={"automathes": {"best_of": 2, "rank_by": "value"}})
    assert caught.value.param == "automathes.rank_by"


@pytest.mark.parametrize("stream", [False, True])
def test_the_client_runs_the_code(client: openai.OpenAI, stream: bool) -> None:
    reply = ask(client, tools=[PYTHON], stream=stream)
    if stream:
        deltas = [chunk.choices[0] for chunk in reply]
        content = "".join(choice.delta.content or "" for choice in deltas)
        [call] = [call for choice in deltas for call in choice.delta.tool_calls or ()]
        reason = deltas[-1].finish_reason
    else:
        content, reason = reply.choices[0].message.content, reply.choices[0].finish_reason
        [call] = reply.choices[0].message.tool_calls
    assert (content, reason, call.function.name) == ("", "tool_calls", "python")
    assert json.loads(call.function.arguments) == {"code": CODE}
    function = {"name": call.function.name, "arguments": call.function.arguments}
    called = {"id": call.id, "type": "function", "function": function}
    turns = [
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "content": content, "tool_calls": [called]},
        {"role": "tool", "tool_call_id": call.id, "content": "42\n"},
    ]
    end = ask(client, messages=turns, tools=[PYTHON])
    assert (end.choices[0].message.content, end.choices[0].finish_reason) == (ANSWER, "stop")
    assert end.choices[0].automathes["executions"] == []


def test_without_a_choice_of_tools_the_server_runs_the_code(client: openai.OpenAI) -> None:
    assert ask(client, tools=[PYTHON], tool_choice="none").choices[0].message.content == FIRST


def test_a_message_fits_a_schema(client: openai.OpenAI) -> None:
    schema = {
        "type": "object",
        "properties": {"answer": {"type": "integer", "minimum": 0, "maximum": 99}},
        "required": ["answer"],
        "additionalProperties": False,
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    reply = ask(client, response_format=form)
    assert isinstance(json.loads(reply.choices[0].message.content)["answer"], int)
    assert reply.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("schema", [{"type": "nonsense"}, {"$ref": "#/nowhere"}], ids=str)
def test_a_schema_that_cannot_be_followed_is_refused(client: openai.OpenAI, schema: dict[str, Any]) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, response_format=form)
    assert caught.value.param == "response_format"


def test_readiness_and_metrics(client: openai.OpenAI, url: str) -> None:
    ask(client)
    root = url.removesuffix("/v1")
    assert httpx.get(f"{root}/ready").json() == {"status": "ready", "policy_version": 1}
    page = httpx.get(f"{root}/metrics", headers=HEADERS)
    assert page.headers["content-type"].startswith("text/plain")
    requests = re.search(r'requests_total\{route="/v1/chat/completions",status="200"\} (\d+)', page.text)
    assert requests is not None
    assert int(requests.group(1)) >= 1
    for name in ("request_seconds_count", "first_token_seconds_count", "tokens_total", "active", "queued", "ready"):
        assert f"automathes_serving_{name}" in page.text
    assert httpx.get(f"{root}/metrics").status_code == 401
