"""The figures of an evaluation, against counting by hand."""

from itertools import combinations
from math import sqrt
from random import Random

import pytest

from eval.metrics import compare, counted, figures, majority_is_right, pass_at_k, standard_error
from store.records import Outcome
from store.runs.evaluations import SampledAnswer

RIGHT = SampledAnswer(Outcome.ACCEPTED, "7")
FAULT = SampledAnswer(Outcome.FAULT, None)
SILENT = SampledAnswer(Outcome.NO_ANSWER, None)


def wrong(answer: str) -> SampledAnswer:
    return SampledAnswer(Outcome.WRONG, answer)


def test_pass_at_k_is_the_share_of_draws_that_hold_a_right_attempt() -> None:
    for n in range(1, 8):
        for c in range(n + 1):
            for k in range(1, n + 1):
                draws = list(combinations([True] * c + [False] * (n - c), k))
                share = sum(any(draw) for draw in draws) / len(draws)
                assert pass_at_k(n, c, k) == pytest.approx(share), (n, c, k)


def test_pass_at_k_is_right_on_average_over_attempts() -> None:
    """Unbiased: over many attempts at a problem that succeeds with chance p it comes to 1 - (1 - p)**k."""
    rng = Random(0)
    p, n, k = 0.3, 10, 4
    drawn = [pass_at_k(n, sum(rng.random() < p for _ in range(n)), k) for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(1 - (1 - p) ** k, abs=0.01)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1), (0, 0, 1)])
def test_pass_at_k_of_impossible_counts_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k}"):
        pass_at_k(n, c, k)


def test_two_policies_are_compared_on_what_both_were_measured_on() -> None:
    ours = {"a": [RIGHT], "b": [wrong("8")], "mine": [RIGHT], "faulty": [RIGHT]}
    theirs = {"b": [RIGHT], "a": [RIGHT], "theirs": [wrong("8")], "faulty": [FAULT]}
    assert compare(ours, theirs) == (0.5, 1.0)
    assert compare(ours, {"theirs": [RIGHT]}) is None
    assert (counted(ours), counted(theirs)) == (4, 3)


def test_the_answer_given_most_often_decides() -> None:
    assert majority_is_right([RIGHT, RIGHT, wrong("8")]) == 1.0
    assert majority_is_right([RIGHT, wrong("8"), wrong("8")]) == 0.0


def test_answers_that_tie_share_the_verdict_in_any_order() -> None:
    tie = [RIGHT, wrong("8"), wrong("9")]
    assert majority_is_right(tie) == pytest.approx(1 / 3)
    assert majority_is_right(tie[::-1]) == pytest.approx(1 / 3)
    assert majority_is_right([RIGHT, RIGHT, wrong("8"), wrong("8"), wrong("9")]) == 0.5


def test_right_answers_are_one_group_however_they_are_written() -> None:
    spelled = [SampledAnswer(Outcome.ACCEPTED, text) for text in ("1/2", "0.5", r"\frac12")]
    assert majority_is_right([*spelled, wrong("2"), wrong("2")]) == 1.0


def test_wrong_answers_are_grouped_without_the_blanks_around_them() -> None:
    assert majority_is_right([RIGHT, wrong("8"), wrong(" 8 ")]) == 0.0


def test_attempts_without_an_answer_have_no_vote() -> None:
    assert majority_is_right([SILENT, SILENT, RIGHT]) == 1.0
    assert majority_is_right([SILENT, SILENT]) == 0.0


def test_one_attempt_a_problem_gives_pass_at_1_alone() -> None:
    assert figures({"a": [RIGHT], "b": [wrong("8")], "c": [SILENT], "d": [RIGHT]}) == {"pass@1": 0.5}


def test_several_attempts_give_pass_at_k_and_maj_at_k_too() -> None:
    found = figures({"a": [RIGHT, wrong("8"), wrong("8")], "b": [RIGHT, RIGHT, RIGHT]})
    assert found == {"pass@1": pytest.approx(2 / 3), "pass@3": 1.0, "maj@3": 0.5}


def test_our_faults_are_left_out_and_lower_k_where_they_must() -> None:
    assert figures({"a": [RIGHT], "b": [FAULT]}) == {"pass@1": 1.0}
    found = figures({"a": [RIGHT, FAULT, wrong("8")], "b": [RIGHT, RIGHT, RIGHT]})
    assert found == {"pass@1": 0.75, "pass@2": 1.0, "maj@2": 0.75}


def test_nothing_but_faults_gives_no_figures() -> None:
    assert figures({"a": [FAULT, FAULT]}) == {}
    assert figures({}) == {}


def test_the_standard_error_is_that_of_a_share() -> None:
    rng = Random(1)
    p, n = 0.6, 100
    shares = [sum(rng.random() < p for _ in range(n)) / n for _ in range(4000)]
    mean = sum(shares) / len(shares)
    spread = sqrt(sum((share - mean) ** 2 for share in shares) / len(shares))
    assert standard_error(p, n) == pytest.approx(spread, rel=0.05)
    assert standard_error(0.5, 0) == 0.0
