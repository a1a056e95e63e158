"""Conversations in the forms that policies read."""

import pytest

from actors.formats import get_format
from actors.rollouts.codec import Codec
from actors.rollouts.conversation import Conversation, Message, Role, chat_messages, plain_prompt
from learner.bases.tiny_llama import TinyLlama

TIR = get_format("tir")
CODE = "```python\nprint(6*7)\n```\n"
ASKED = Message(Role.USER, " What is 6 * 7? ")
EARLIER = (Message(Role.USER, "What is 2 * 2?"), Message(Role.ASSISTANT, "\\boxed{4}"))
BRIEF = Message(Role.SYSTEM, "Be brief.")

WITH_SYSTEM = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}</>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
WITHOUT_SYSTEM = (
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    + WITH_SYSTEM
)


@pytest.fixture(scope="module")
def codec(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    folder = tmp_path_factory.mktemp("policies") / "1"
    TinyLlama(vocabulary_size=300).make(folder, ["What is 6 * 7?"])
    return Codec.from_folder(folder, TIR)


def text_of(codec: Codec, conversation: Conversation, template: str | None = None) -> str:
    before = codec._tokenizer.chat_template
    codec._tokenizer.chat_template = template
    try:
        return codec.decode(codec._encode_prompt(conversation))
    finally:
        codec._tokenizer.chat_template = before


def test_a_question_alone_is_the_prompt_that_the_policy_was_trained_with(codec: Codec) -> None:
    assert plain_prompt((ASKED,), TIR) == TIR.prompt("What is 6 * 7?")
    assert codec.prompt((ASKED,)) == codec.prompt(ASKED.content)


def test_earlier_turns_come_before_the_question() -> None:
    assert plain_prompt((*EARLIER, ASKED), TIR) == (
        f"{TIR.prompt('What is 2 * 2?')}\\boxed{{4}}\n\n{TIR.prompt('What is 6 * 7?')}"
    )


def test_instructions_come_first_after_that_of_the_format() -> None:
    assert plain_prompt((BRIEF, ASKED), TIR) == f"Be brief.\n\n{TIR.prompt('What is 6 * 7?')}"
    assert chat_messages((BRIEF, ASKED), TIR)[0] == {"role": "system", "content": f"{TIR.system}\n\nBe brief."}
    assert chat_messages((ASKED, BRIEF), TIR) == chat_messages((BRIEF, ASKED), TIR)


def test_neighbours_of_one_side_are_joined_and_a_tools_message_is_the_output_of_the_code() -> None:
    solution = (Message(Role.ASSISTANT, CODE), Message(Role.TOOL, "42\n"), Message(Role.ASSISTANT, "\\boxed{42}"))

    turns = chat_messages((ASKED, *solution, ASKED, ASKED), TIR)[1:]

    assert [turn["role"] for turn in turns] == ["user", "assistant", "user"]
    assert turns[1]["content"] == f"{CODE}```output\n42\n```\n\\boxed{{42}}"
    assert turns[2]["content"] == "What is 6 * 7?\n\nWhat is 6 * 7?"


@pytest.mark.parametrize("template", [None, WITH_SYSTEM, WITHOUT_SYSTEM], ids=["plain", "system", "no system"])
def test_a_solution_that_was_begun_ends_the_prompt(codec: Codec, template: str | None) -> None:
    begun = (ASKED, Message(Role.ASSISTANT, CODE), Message(Role.TOOL, "42"))

    prompt = text_of(codec, begun, template)

    assert prompt == f"{text_of(codec, (ASKED,), template)}{CODE}```output\n42\n```\n"


def test_a_template_that_refuses_a_system_role_has_its_text_before_the_first_question(codec: Codec) -> None:
    prompt = text_of(codec, (BRIEF, *EARLIER, ASKED), WITHOUT_SYSTEM)

    assert prompt.startswith(f"<user>{TIR.system}\n\nBe brief.\n\nWhat is 2 * 2?</><assistant>")
    assert prompt.endswith("<user>What is 6 * 7?</><assistant>")
