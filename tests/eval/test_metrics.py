"""Evaluation metrics, checked against direct counts."""

from itertools import combinations
from math import sqrt
from random import Random

import pytest

from eval.metrics import compare_pass_at_1, compute_metrics, maj_at_k, num_scored, pass_at_k, standard_error
from store.records import Outcome
from store.runs.evaluations import SampledAnswer

RIGHT = SampledAnswer(Outcome.ACCEPTED, "7")
FAULT = SampledAnswer(Outcome.FAULT, None)
UNANSWERED = SampledAnswer(Outcome.NO_ANSWER, None)


def wrong(answer: str) -> SampledAnswer:
    return SampledAnswer(Outcome.WRONG, answer)


def test_pass_at_k_is_the_share_of_draws_with_a_correct_attempt() -> None:
    for n in range(1, 8):
        for c in range(n + 1):
            for k in range(1, n + 1):
                draws = list(combinations([True] * c + [False] * (n - c), k))
                share = sum(any(draw) for draw in draws) / len(draws)
                assert pass_at_k(n, c, k) == pytest.approx(share), (n, c, k)


def test_pass_at_k_is_unbiased() -> None:
    """Its mean over many sets of attempts that succeed with probability p is 1 - (1 - p)**k."""
    rng = Random(0)
    p, n, k = 0.3, 10, 4
    drawn = [pass_at_k(n, sum(rng.random() < p for _ in range(n)), k) for _ in range(20_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(1 - (1 - p) ** k, abs=0.01)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1), (0, 0, 1)])
def test_pass_at_k_of_impossible_counts_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k}"):
        pass_at_k(n, c, k)


def test_two_policies_are_compared_on_the_problems_that_both_were_measured_on() -> None:
    ours = {"a": [RIGHT], "b": [wrong("8")], "mine": [RIGHT], "faulty": [RIGHT]}
    theirs = {"b": [RIGHT], "a": [RIGHT], "theirs": [wrong("8")], "faulty": [FAULT]}
    assert compare_pass_at_1(ours, theirs) == (0.5, 1.0)
    assert compare_pass_at_1(ours, {"theirs": [RIGHT]}) is None
    assert (num_scored(ours), num_scored(theirs)) == (4, 3)


def test_the_most_frequent_answer_decides() -> None:
    assert maj_at_k([RIGHT, RIGHT, wrong("8")]) == 1.0
    assert maj_at_k([RIGHT, wrong("8"), wrong("8")]) == 0.0


def test_tied_answers_share_the_result_in_any_order() -> None:
    tie = [RIGHT, wrong("8"), wrong("9")]
    assert maj_at_k(tie) == pytest.approx(1 / 3)
    assert maj_at_k(tie[::-1]) == pytest.approx(1 / 3)
    assert maj_at_k([RIGHT, RIGHT, wrong("8"), wrong("8"), wrong("9")]) == 0.5


def test_correct_answers_are_one_group_however_they_are_written() -> None:
    spelled = [SampledAnswer(Outcome.ACCEPTED, text) for text in ("1/2", "0.5", r"\frac12")]
    assert maj_at_k([*spelled, wrong("2"), wrong("2")]) == 1.0


def test_wrong_answers_are_grouped_without_surrounding_whitespace() -> None:
    assert maj_at_k([RIGHT, wrong("8"), wrong(" 8 ")]) == 0.0


def test_attempts_without_an_answer_have_no_vote() -> None:
    assert maj_at_k([UNANSWERED, UNANSWERED, RIGHT]) == 1.0
    assert maj_at_k([UNANSWERED, UNANSWERED]) == 0.0


def test_one_attempt_per_problem_gives_only_pass_at_1() -> None:
    assert compute_metrics({"a": [RIGHT], "b": [wrong("8")], "c": [UNANSWERED], "d": [RIGHT]}) == {"pass@1": 0.5}


def test_several_attempts_give_pass_at_k_and_maj_at_k_too() -> None:
    found = compute_metrics({"a": [RIGHT, wrong("8"), wrong("8")], "b": [RIGHT, RIGHT, RIGHT]})
    assert found == {"pass@1": pytest.approx(2 / 3), "pass@3": 1.0, "maj@3": 0.5}


def test_system_faults_are_ignored_and_lower_k() -> None:
    assert compute_metrics({"a": [RIGHT], "b": [FAULT]}) == {"pass@1": 1.0}
    found = compute_metrics({"a": [RIGHT, FAULT, wrong("8")], "b": [RIGHT, RIGHT, RIGHT]})
    assert found == {"pass@1": 0.75, "pass@2": 1.0, "maj@2": 0.75}


def test_nothing_but_faults_gives_no_metrics() -> None:
    assert compute_metrics({"a": [FAULT, FAULT]}) == {}
    assert compute_metrics({}) == {}


def test_the_standard_error_is_that_of_a_proportion() -> None:
    rng = Random(1)
    p, n = 0.6, 100
    shares = [sum(rng.random() < p for _ in range(n)) / n for _ in range(4000)]
    mean = sum(shares) / len(shares)
    spread = sqrt(sum((share - mean) ** 2 for share in shares) / len(shares))
    assert standard_error(p, n) == pytest.approx(spread, rel=0.05)
    assert standard_error(0.5, 0) == 0.0
