"""FOBAR: a number becomes unknown, and is the answer."""

import pytest

from actors.augmentation.fobar import fobar
from store.problems.sources.rows.splitting import question_key
from store.records import Problem, Split

QUESTION = (
    "James buys 5 packs of beef that are 4 pounds each. The price of beef is $5.50 per pound. How much did he pay?"
)


def problem(question: str = QUESTION, answer: str = "110") -> Problem:
    return Problem("p", question, answer, "gsm8k", Split.TRAIN, question_key(question), template_twins="train")


def test_each_number_of_a_question_can_become_the_unknown():
    found = {one.answer: one.question for one in fobar(problem(), 10)}
    assert set(found) == {"5", "4", "5.50"}
    assert found["4"] == (
        "James buys 5 packs of beef that are x pounds each. The price of beef is $5.50 per pound. How much did he pay? "
        "If we know the answer to the above question is 110, what is the value of the unknown variable x?"
    )


def test_a_question_is_a_candidate_that_knows_its_parent():
    (one,) = fobar(problem(), 1)
    assert (one.split, one.parent_key, one.made_by) == (Split.CANDIDATE, question_key(QUESTION), "fobar")
    assert (one.source, one.template_twins, one.split_key) == ("gsm8k+fobar", "train", question_key(one.question))


def test_the_same_numbers_are_chosen_each_time_and_more_of_them_add_to_these():
    assert list(fobar(problem(), 1)) == list(fobar(problem(), 3))[:1]


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("A town of 12,500 people gains 300. How many are there?", "12800", {"12500", "300"}),
        ("He buys 3 pens and 3 books. How many things?", "6", set()),
        ("What is $\\frac{3}{4}$ of 2^5 and 7th of 8-9?", "2", set()),
        ("At 9:30 he runs 1/2 of 10 miles. How many?", "5", {"10"}),
        ("Which is 7 + 1? A) 8 B) 9", "A", set()),
        ("Solve for the 2 roots of 7.", "1\n-1", set()),
    ],
)
def test_only_numbers_by_themselves_that_come_once_are_masked(question, answer, expected):
    assert {one.answer for one in fobar(problem(question, answer), 10)} == expected


def test_the_unknown_is_a_letter_that_the_question_does_not_have():
    (one,) = fobar(problem("If x is a half of 14, what is x?", "7"), 1)
    assert one.question.startswith("If x is a half of y, what is x?")
    assert one.question.endswith("the unknown variable y?")
