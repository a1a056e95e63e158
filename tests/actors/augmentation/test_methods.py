"""What a teacher is asked to rewrite, and the candidates that its texts make."""

from dataclasses import replace

import pytest

from actors.augmentation.rewriting.methods import METHODS
from store.problems.sources.rows.splitting import question_key
from store.records import Problem, Split

QUESTION = "James buys 5 packs of beef that are 4 pounds each, at $5.50 per pound. How much did he pay?"
REPHRASED = "How much does James pay for 5 packs of beef, of 4 pounds each, if a pound costs $5.50?"
REPHRASE, SELF_VERIFY = METHODS["rephrase"], METHODS["self_verify"]


def problem(question: str = QUESTION, answer: str = "110") -> Problem:
    return Problem("p", question, answer, "gsm8k", Split.TRAIN, question_key(question))


def test_a_rephrased_question_has_the_label_of_its_parent():
    made = REPHRASE.made(problem(answer="110\n110.00"), 0, REPHRASED)
    assert made is not None
    assert (made.question, made.answer) == (REPHRASED, "110\n110.00")
    assert (made.split, made.parent_key, made.made_by) == (Split.CANDIDATE, question_key(QUESTION), "rephrase")


@pytest.mark.parametrize(
    "text", [f"Rephrased question: {REPHRASED}", f'"{REPHRASED}"', f"```\n{REPHRASED}\n```", f"\n\n{REPHRASED}  "]
)
def test_what_teachers_put_around_a_question_is_no_part_of_it(text: str):
    made = REPHRASE.made(problem(), 0, text)
    assert made is not None
    assert made.question == REPHRASED


@pytest.mark.parametrize("text", ["", "  ", "Question:", QUESTION, QUESTION.upper(), "x" * 10_000, "a\0b", "\ud800"])
def test_a_text_that_is_no_new_question_makes_no_candidate(text: str):
    assert REPHRASE.made(problem(), 0, text) is None


def test_a_question_with_choices_is_not_rephrased():
    assert REPHRASE.ask(problem("Which? (A) 1 (B) 2 (C) 3 (D) 4", "B"), 0) is None
    assert REPHRASE.ask(problem(), 3) == QUESTION


def test_each_attempt_at_self_verification_masks_another_number():
    asked = [SELF_VERIFY.ask(problem(), sample) for sample in range(4)]
    assert asked[3] is None
    assert {text.partition("\n")[0].removeprefix("Question: ") for text in asked if text} == {
        QUESTION.replace("5 packs", "x packs"), QUESTION.replace("4", "x"), QUESTION.replace("5.50", "x")
    }  # fmt: skip
    assert all(text is not None and text.endswith("\nAnswer: 110") for text in asked[:3])


def test_a_statement_is_followed_by_the_question_for_the_unknown():
    sample = next(n for n in range(3) if "$x per" in (SELF_VERIFY.ask(problem(), n) or ""))
    statement = "James buys 5 packs of beef that are 4 pounds each, at $x per pound. He paid 110 dollars."
    made = SELF_VERIFY.made(problem(), sample, statement)
    assert made is not None
    assert made.question == f"{statement} What is the value of the unknown variable x?"
    assert (made.answer, made.made_by) == ("5.50", "self_verify")


@pytest.mark.parametrize("statement", ["He paid 110.", "He buys x packs. How much did he pay?"])
def test_a_statement_without_the_unknown_or_with_a_question_makes_no_candidate(statement: str):
    assert SELF_VERIFY.made(problem(), 0, statement) is None


def test_nothing_is_asked_of_a_question_with_several_answers():
    assert SELF_VERIFY.ask(replace(problem(), answer="110\n111"), 0) is None
