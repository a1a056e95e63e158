"""The body of a chat request: what is accepted, what is refused, and how messages become a conversation."""

from typing import Any

import pytest
from pydantic import ValidationError

from actors.formats import get_format
from actors.rollouts.conversation import Message, Role
from cluster.serving.api.requests.chat import ChatRequest

USER = {"role": "user", "content": "6 * 7?"}


def request(**changes: Any) -> ChatRequest:
    return ChatRequest.model_validate({"messages": [USER], **changes})


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", [], {}], ids=repr)
@pytest.mark.parametrize("name", ["logprobs", "tools", "frequency_penalty", "a_parameter_of_tomorrow"])
def test_values_that_ask_for_nothing_are_accepted_of_any_parameter(name: str, value: Any) -> None:
    request(**{name: value})


@pytest.mark.parametrize(
    "changes",
    [
        {"best_of": 2},
        {"repetition_penalty": 1.1},
        {"modalities": ["audio"]},
        {"a_parameter_of_tomorrow": "on"},
    ],
    ids=str,
)
def test_values_that_ask_for_what_is_not_supported_are_refused_by_name(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        request(**changes)
    (error,) = caught.value.errors()
    assert (error["type"], error["loc"]) == ("extra_forbidden", tuple(changes))


PYTHON = {"type": "function", "function": {"name": "python", "parameters": {"properties": {"source": {}}}}}
OTHER = {"type": "function", "function": {"name": "search"}}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"top_logprobs": 3}, "only allowed with logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "less than or equal to 20"),
        ({"tools": [OTHER]}, "only 'python' is known"),
        ({"tools": [PYTHON, PYTHON]}, "at most 1"),
        ({"tools": [PYTHON], "tool_choice": "required"}, "'none' or 'auto'"),
        ({"response_format": {"type": "json_schema"}}, "is missing"),
        ({"response_format": {"type": "xml"}}, "json_object"),
        ({"response_format": {"type": "json_object"}, "tools": [PYTHON]}, "not with tools"),
        ({"automathes": {"majority_of": 4, "best_of": 4}}, "not together with majority_of"),
        ({"automathes": {"majority_of": 4}, "n": 2}, "not with n above 1"),
        ({"automathes": {"majority_of": 65}}, "less than or equal to 64"),
        ({"automathes": {"vote": 4}}, "Extra inputs"),
        ({"automathes": {"rank_by": "value"}}, "only with majority_of or best_of"),
        ({"automathes": {"best_of": 2, "rank_by": "length"}}, "'value' or 'probability'"),
        ({"automathes": {"best_of": 2, "rank_by": "value"}, "stop": ["!"]}, "whole solutions"),
        ({"logit_bias": {"x": 1}}, "valid integer"),
        ({"logit_bias": {"7": 101}}, "less than or equal to 100"),
        ({"presence_penalty": 2.5}, "less than or equal to 2"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        request(**changes)


def test_a_call_of_the_tool_is_the_code_that_the_policy_wrote() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "python", "arguments": '{"code": "print(6*7)"}'}}
    messages = [
        USER,
        {"role": "assistant", "content": "So:\n", "tool_calls": [call]},
        {"role": "tool", "content": "42"},
    ]

    conversation = request(messages=messages, tools=[PYTHON]).conversation(get_format("tir"))

    assert conversation[1] == Message(Role.ASSISTANT, "So:\n```python\nprint(6*7)\n```\n")
    assert request(tools=[PYTHON]).tools[0].function.parameter == "source"


@pytest.mark.parametrize("arguments", ["print(6*7)", "[]", '{"code": 7}', '{"code": "a", "more": "b"}'])
def test_arguments_without_code_are_refused(arguments: str) -> None:
    call = {"function": {"name": "python", "arguments": arguments}}
    with pytest.raises(ValidationError, match="a JSON object with the code alone"):
        request(messages=[USER, {"role": "assistant", "tool_calls": [call]}, {"role": "tool", "content": "42"}])


@pytest.mark.parametrize(("stop", "expected"), [("a", ["a"]), (["a", "b"], ["a", "b"]), (None, []), ([], [])])
def test_a_stop_text_may_be_one_or_several(stop: Any, expected: list[str]) -> None:
    assert request(stop=stop).stop == expected


def test_roles_become_those_of_a_conversation() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "6 "}, {"type": "text", "text": "* 7?"}]},
        {"role": "assistant", "content": None, "refusal": None},
        {"role": "tool", "content": "42", "tool_call_id": "1"},
    ]

    assert request(messages=messages).conversation(get_format("tir")) == (
        Message(Role.SYSTEM, "Be brief."),
        Message(Role.USER, "6 * 7?"),
        Message(Role.ASSISTANT, ""),
        Message(Role.TOOL, "42"),
    )


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"role": "system", "content": "Be brief."}], "with role 'user'"),
        ([{"role": "user", "content": "  "}], "with role 'user'"),
        ([{"role": "assistant", "content": "hm"}, USER], "must begin with the user's"),
        ([USER, {"role": "assistant", "content": "hm"}], "must end with the user's"),
    ],
    ids=str,
)
def test_a_conversation_begins_with_a_question_and_ends_with_one_or_with_output(
    messages: list[dict[str, str]], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        request(messages=messages)
