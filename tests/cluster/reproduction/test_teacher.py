"""The scripted teacher behind its local server, as an OpenAI client sees it."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from actors.formats import get_format
from cluster.reproduction.teacher import MODEL, served_teacher, teacher_url
from store.records import Problem, Split
from store.store import Store

QUESTIONS = [f"Find the Greatest Common Divisor (GCD) of these numbers: {a}, {a + 6}." for a in range(12, 60)]
TIR = get_format("tir")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[openai.OpenAI]:
    folder = tmp_path_factory.mktemp("teacher")
    url = f"sqlite:///{folder / 'store.db'}"
    with Store.open(url) as store:
        store.problems.add(
            Problem(f"p{n}", question, "6", "test", Split.TRAIN, f"k{n}", subject="gcd")
            for n, question in enumerate(QUESTIONS)
        )
    with served_teacher(folder, url):
        assert teacher_url(folder) == teacher_url(folder)
        yield openai.OpenAI(base_url=teacher_url(folder), api_key="none", max_retries=0)


def ask(client: openai.OpenAI, temperature: float, *messages: str) -> Any:
    roles = ["system", "user", *["assistant", "user"] * 4]
    chat: Any = [{"role": role, "content": text} for role, text in zip(roles, messages, strict=False)]
    return client.chat.completions.create(model=MODEL, messages=chat, temperature=temperature)


def test_it_writes_a_program_and_then_the_answer_that_was_printed(client: openai.OpenAI) -> None:
    first = ask(client, 0.6, "Solve it.", QUESTIONS[0]).choices[0].message.content
    assert TIR.code_to_run(first) == "import math\nprint(math.gcd(12, 18))"
    second = ask(client, 0.6, "Solve it.", QUESTIONS[0], first, TIR.output("6").strip()).choices[0].message.content
    assert TIR.find_answer(second) == "6"


def test_usage_is_counted(client: openai.OpenAI) -> None:
    usage = ask(client, 0.6, "Solve it.", QUESTIONS[0]).usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens > 10


def test_some_greedy_programs_are_wrong_and_others_are_right(client: openai.OpenAI) -> None:
    def wrong(temperature: float) -> int:
        texts = [ask(client, temperature, "", question).choices[0].message.content for question in QUESTIONS]
        return sum("1 + " in text for text in texts)

    assert 0 < wrong(0.0) < len(QUESTIONS) / 3
    assert wrong(0.6) == 0


def test_a_question_that_it_does_not_know_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="knows the training problems of its store only"):
        ask(client, 0.0, "", "What is love?")
