"""The parts of annotation alone: prices, prompts, turns, what a server asks to wait."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from actors.annotation.dialogue.conversation import Conversation
from actors.annotation.dialogue.prompts import PromptError, load_prompt
from actors.annotation.dialogue.replies import BadReplyError, Call, Reply, read_reply, read_usage
from actors.annotation.dialogue.turns import parse_turn
from actors.annotation.endpoint.failures import retry_after_s
from actors.annotation.endpoint.stream import CollectedStream
from actors.annotation.settings import AnnotationSettings, TokenPrice
from actors.annotation.spending.prices import cost, microdollars, most
from actors.formats import get_format
from store.records import TeacherTurn, Usage

TIR, MARIO = get_format("tir"), get_format("mario")


def settings(**options: Any) -> AnnotationSettings:
    return AnnotationSettings.model_validate({"model": "m"} | options)


# Money


def test_costs_are_whole_millionths_of_a_dollar_rounded_up() -> None:
    price = TokenPrice(input=Decimal("0.15"), output=Decimal("0.60"), cached_input=Decimal("0.075"))
    assert cost(price, Usage(1, 0), in_batch=False) == 1
    assert cost(price, Usage(1_000_000, 1_000_000), in_batch=False) == 750_000
    assert cost(price, Usage(1_000_000, 0, cached=500_000), in_batch=False) == 112_500
    half = price.model_copy(update={"batch_factor": Decimal("0.5")})
    assert cost(half, Usage(1_000_000, 1_000_000), in_batch=True) == 375_000
    assert microdollars(Decimal("0.29")) == 290_000


@pytest.mark.parametrize("text", ["plain words", "数学の問題", "\\frac{1}{2}" * 50, "\U0001f600" * 20, "\ud800"])
def test_the_most_that_a_request_costs_is_at_least_a_token_per_byte(text: str) -> None:
    price = TokenPrice(input=Decimal(1), output=Decimal(10))
    body = {"messages": [{"role": "user", "content": text}], "max_completion_tokens": 100}
    at_most = most(settings(overhead_tokens=7), price, body, in_batch=False)
    assert at_most.tokens >= len(text.encode("utf-8", "surrogatepass")) + 100 + 7
    assert at_most.microusd == at_most.tokens - 100 + 1000


# Turns

CODE = "x = 1\nprint(x)"


@pytest.mark.parametrize(
    "text",
    [
        f"I add.\n\n```python\n{CODE}\n```\n",
        f"I add.\n\n```python\n{CODE}\n```\n```output\n7\n```\nSo \\boxed{{7}}",
        f"I add.\n\n```Python3\n{CODE}\n```",
        f"I add.\n\n```py\r\n{CODE}\r\n```\r\nthe rest",
        f"I add.\n\n```python\n{CODE}",  # the fence was behind the stop text
    ],
)
def test_the_first_block_is_run_and_what_follows_it_is_dropped(text: str) -> None:
    turn = parse_turn(Reply(text=text, finish_reason="stop"), TIR)
    assert (turn.text, turn.code) == (f"I add.\n\n```python\n{CODE}\n```\n", CODE)
    assert TIR.code_to_run(turn.text) == CODE


def test_a_block_that_was_cut_off_is_not_run() -> None:
    turn = parse_turn(Reply(text=f"I add.\n\n```python\n{CODE}", finish_reason="length"), TIR)
    assert turn.code is None


@pytest.mark.parametrize(
    "text",
    [
        f"Thought: I add.\n\nAction: python_interpreter\n\nAction Input: ```python\n{CODE}\n```\n",
        f"I add.\n\n```python\n{CODE}\n```",
        f"Thought: I add.\n```python\n{CODE}\n```\nObservation: 3",
    ],
)
def test_a_turn_of_mario_gets_the_form_that_the_format_has(text: str) -> None:
    turn = parse_turn(Reply(text=text, finish_reason="stop"), MARIO)
    assert turn.text == f"Thought: I add.\n\nAction: python_interpreter\n\nAction Input: ```python\n{CODE}\n```\n"
    written = turn.text + MARIO.output("1") + "Thought: I know it.\n\nFinal Answer: $1$"
    assert MARIO.split_solution(written)[0] == (turn.text, "1")


@pytest.mark.parametrize(
    "text",
    [
        f"<p>\nI add.\n</p>\n<code>\n{CODE}\n</code>\n",
        f"<p>\nI add.\n</p>\n<code>\n{CODE}\n</code>\nOutput: 3",
        f"I add.\n\n```python\n{CODE}\n```",
    ],
)
def test_a_turn_in_marios_html_is_read_by_its_marks_or_as_a_fence(text: str) -> None:
    html = get_format("mario_html")
    turn = parse_turn(Reply(text=text, finish_reason="stop"), html)
    assert turn.code == CODE
    assert turn.text == f"<p>\nI add.\n</p>\n<code>\n{CODE}\n</code>\n"
    last = parse_turn(Reply(text="I know it.\n\nFinal Answer: $1$", finish_reason="stop"), html)
    assert html.find_answer(last.text) == "1"
    assert html.split_solution(turn.text + html.output("1") + last.text) == [(turn.text, "1"), (last.text, None)]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("python", "{"),
        ("python", "print(1)"),
        ("python", '{"source": "1"}'),
        ("python", '{"code": 3}'),
        ("python", '{"code": ""}'),
        ("search", '{"code": "1"}'),
        ("python", json.dumps({"code": "s = '''\n```\n'''"})),
    ],
)
def test_a_bad_call_is_answered_and_not_run(name: str, arguments: str) -> None:
    calls = (Call(id="c", name=name, arguments=arguments),)
    turn = parse_turn(Reply(calls=calls, finish_reason="tool_calls"), TIR)
    assert turn.code is None
    assert "was not run" in str(turn.complaint)
    assert not turn.is_last


# What servers send


def test_usage_that_makes_no_sense_is_none() -> None:
    assert read_usage({"prompt_tokens": 3, "completion_tokens": 4}) == Usage(3, 4)
    details = {"prompt_tokens_details": {"cached_tokens": 2}}
    assert read_usage({"prompt_tokens": 3, "completion_tokens": 4} | details) == Usage(3, 4, 2)
    bad = [None, [], {}, {"prompt_tokens": True, "completion_tokens": 1}, {"prompt_tokens": 1, "completion_tokens": -1}]
    assert [read_usage(usage) for usage in bad] == [None] * len(bad)


@pytest.mark.parametrize("body", [None, "text", [], {}, {"choices": []}, {"choices": [{"message": {"content": 3}}]}])
def test_what_is_no_completion_is_refused(body: Any) -> None:
    with pytest.raises(BadReplyError):
        read_reply(body)


@pytest.mark.parametrize("part", ["text", 3, {"choices": [3]}, {"choices": [{"delta": {"tool_calls": [3]}}]}])
def test_what_is_no_part_of_a_stream_is_refused(part: Any) -> None:
    with pytest.raises(BadReplyError):
        CollectedStream().add(part)


def test_the_time_to_wait_is_read_in_all_its_forms() -> None:
    now = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    assert retry_after_s({"retry-after-ms": "250", "retry-after": "9"}) == 0.25
    assert retry_after_s({"retry-after": "9"}) == 9
    assert retry_after_s({"retry-after": "Thu, 01 Jan 2026 12:00:30 GMT"}, now) == 30
    assert retry_after_s({"retry-after": "Thu, 01 Jan 2026 11:00:00 GMT"}, now) == 0
    assert retry_after_s({"retry-after": "soon"}) is None
    assert retry_after_s({}) is None


@pytest.mark.parametrize("url", ["https://user:key@host/v1", "https://host/v1?key=secret", "host:80"])
def test_an_address_holds_no_secret(url: str) -> None:
    with pytest.raises(ValidationError):
        settings(base_url=url)


# Prompts


@pytest.mark.parametrize("calls", ["fenced", "tools"])
@pytest.mark.parametrize("name", ["tir", "mario"])
def test_each_format_has_a_prompt_for_both_ways_to_call(name: str, calls: str) -> None:
    prompt = load_prompt(settings(solution_format=name, calls=calls, max_blocks=3))
    assert "at\nmost 3" in prompt.instruction or "at most 3" in prompt.instruction
    assert "{max_blocks}" not in prompt.instruction


def test_examples_become_turns_of_a_conversation(tmp_path: Path) -> None:
    solution = f"I add.\n```python\n{CODE}\n```\n```output\n1\n```\nSo \\boxed{{1}}."
    file = tmp_path / "examples.jsonl"
    file.write_text(json.dumps({"question": "What?", "solution": solution}) + "\n")
    for calls, roles in (("fenced", ["assistant", "user", "assistant"]), ("tools", ["assistant", "tool", "assistant"])):
        chosen = settings(calls=calls)
        prompt = load_prompt(chosen, examples=file)
        messages = Conversation(chosen, prompt).body("And?", [], 0.0)["messages"]
        assert [m["role"] for m in messages] == ["system", "user", *roles, "user"]
        assert "I add." in messages[2]["content"]
    assert json.loads(messages[2]["tool_calls"][0]["function"]["arguments"]) == {"code": CODE}
    assert load_prompt(settings()).digest != load_prompt(settings(), examples=file).digest


@pytest.mark.parametrize("line", ["{", "[]", '{"question": "a"}', '{"question": "a", "solution": " "}'])
def test_a_bad_example_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "examples.jsonl"
    file.write_text(f'{{"question": "a", "solution": "b"}}\n{line}\n')
    with pytest.raises(PromptError, match="line 2"):
        load_prompt(settings(), examples=file)


def test_the_history_of_a_bad_call_is_valid_json() -> None:
    reply = {"finish_reason": "tool_calls", "calls": [{"id": "c1", "name": "python", "arguments": "{"}]}
    chosen = settings(calls="tools")
    body = Conversation(chosen, load_prompt(chosen)).body("What?", [TeacherTurn(0, reply, "it was not run")], 0.0)
    call, answer = body["messages"][-2:]
    assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == {"code": ""}
    assert answer == {"role": "tool", "tool_call_id": "c1", "content": "it was not run"}
