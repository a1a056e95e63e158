"""Answers that are equal, different, or neither to be told."""

from collections.abc import AsyncIterator

import pytest

from sandbox.equivalence import AnswerChecker, Verdict, compare_plain, normalise
from sandbox.settings import AnswerCheckerSettings

PLAIN_EQUAL = [
    ("42", "42"),
    ("42", " 42. "),
    ("42", "$42$"),
    ("42", r"\boxed{42}"),
    ("1234567", "1,234,567"),
    ("0.5", ".50"),
    ("0.5", "1/2"),
    (r"\frac{1}{2}", "1/2"),
    (r"-\frac{3}{4}", "-0.75"),
    ("-3", "−3"),
    (r"\text{yes}", r"\text{yes}"),
]
PLAIN_DIFFERENT = [("42", "41"), ("42", "-42"), ("1/2", "1/3"), ("0.5", "0.75"), ("42", ""), ("42", r"\boxed{}")]
SYMBOLIC = [
    ("x+1", "1+x", Verdict.EQUAL),
    (r"\frac{\sqrt{2}}{2}", r"\frac{1}{\sqrt{2}}", Verdict.EQUAL),
    (r"\{1, 2\}", r"\{2, 1\}", Verdict.EQUAL),
    ("(1, 2)", "(2, 1)", Verdict.DIFFERENT),
    ("x^2", "x^3", Verdict.DIFFERENT),
    ("3", "x", Verdict.DIFFERENT),
    ("42", "x = 42", Verdict.EQUAL),
]
HOSTILE = [
    "9**9**9**9",
    "{" * 1_000_000,
    r"\frac{" * 300,
    "\0",
    "\ud800",
    "1" * 1_000_000,
]


@pytest.fixture
async def checker() -> AsyncIterator[AnswerChecker]:
    async with AnswerChecker(AnswerCheckerSettings(check_wall_s=2)) as checker:
        yield checker


@pytest.mark.parametrize(("expected", "given"), PLAIN_EQUAL)
def test_plain_answers_are_equal(expected: str, given: str) -> None:
    assert compare_plain(expected, given) is Verdict.EQUAL


@pytest.mark.parametrize(("expected", "given"), PLAIN_DIFFERENT)
def test_plain_answers_are_different(expected: str, given: str) -> None:
    assert compare_plain(expected, given) is Verdict.DIFFERENT


def test_a_box_is_opened_only_if_it_holds_everything() -> None:
    assert normalise(r"\boxed{1}{2}") == r"\boxed{1}{2}"


async def test_plain_answers_start_no_process(checker: AnswerChecker) -> None:
    for expected, given in PLAIN_EQUAL + PLAIN_DIFFERENT:
        await checker.check(expected, given)
    assert checker._sandbox is None


async def test_without_symbolic_comparison_no_process_is_ever_started() -> None:
    async with AnswerChecker(AnswerCheckerSettings(symbolic=False)) as checker:
        assert await checker.check("42", "x + y") is Verdict.DIFFERENT
        assert await checker.check("x", "y") is Verdict.UNDECIDED
        assert checker._sandbox is None


async def test_symbolic_answers(checker: AnswerChecker) -> None:
    for expected, given, verdict in SYMBOLIC:
        assert await checker.check(expected, given) is verdict, (expected, given)


async def test_hostile_answers_are_never_equal_and_never_late(checker: AnswerChecker) -> None:
    for answer in HOSTILE:
        assert await checker.check("3x", answer) is not Verdict.EQUAL, answer[:20]
    assert await checker.check("x+1", "1+x") is Verdict.EQUAL


async def test_an_endless_comparison_is_undecided(checker: AnswerChecker) -> None:
    assert await checker.check("3x", "10^{10^{10^{10}}}") is Verdict.UNDECIDED
