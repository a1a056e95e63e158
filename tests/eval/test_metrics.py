"""Evaluation metrics, checked against direct counts."""

from itertools import combinations

import numpy as np
import pytest

from eval.metrics import Answers, NothingMeasuredError, compute_figures, maj_at_k, pass_at_k
from store.records import Outcome
from store.runs.evaluations import SampledAnswer

RIGHT = SampledAnswer(Outcome.ACCEPTED, "7")
FAULT = SampledAnswer(Outcome.FAULT, None)
UNDECIDED = SampledAnswer(Outcome.UNDECIDED, "f(7)")
UNVERIFIABLE = SampledAnswer(Outcome.UNVERIFIABLE, "7")
UNANSWERED = SampledAnswer(Outcome.NO_ANSWER, None)


def wrong(answer: str) -> SampledAnswer:
    return SampledAnswer(Outcome.WRONG, answer)


def test_pass_at_k_is_the_share_of_draws_with_a_correct_attempt() -> None:
    for n in range(1, 8):
        for k in range(1, n + 1):
            correct = np.arange(n + 1)
            shares = [np.mean([any(draw) for draw in combinations([True] * c + [False] * (n - c), k)]) for c in correct]
            assert pass_at_k(np.full(n + 1, n), correct, k) == pytest.approx(shares), (n, k)


def test_pass_at_k_is_unbiased() -> None:
    """Its mean over many sets of attempts that succeed with probability p is 1 - (1 - p)**k."""
    p, n, k = 0.3, 10, 4
    correct = np.random.default_rng(0).binomial(n, p, size=20_000)
    assert pass_at_k(np.full(20_000, n), correct, k).mean() == pytest.approx(1 - (1 - p) ** k, abs=0.01)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 1, 4), (3, 1, 0), (3, 4, 1), (3, -1, 1), (0, 0, 1)])
def test_pass_at_k_of_impossible_counts_is_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match=f"pass@{k} .* not n={n}, c={c}"):
        pass_at_k(np.array([n, 9]), np.array([c, 0]), k)


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
    assert values({"a": [RIGHT], "b": [wrong("8")], "c": [UNANSWERED], "d": [RIGHT]}, 1) == {"pass@1": 0.5}


def test_several_attempts_give_pass_at_k_and_maj_at_k_too() -> None:
    found = values({"a": [RIGHT, wrong("8"), wrong("8")], "b": [RIGHT, RIGHT, RIGHT]}, 3)
    assert found == {"pass@1": pytest.approx(2 / 3), "pass@3": 1.0, "maj@3": 0.5}


def test_a_fault_changes_neither_k_nor_the_names_of_the_figures() -> None:
    answers = {f"p{i}": [RIGHT, wrong("8"), wrong("9"), RIGHT] for i in range(5)}
    before = compute_figures(answers, 4).figures
    after = compute_figures(answers | {"p0": [RIGHT, FAULT, wrong("9"), RIGHT]}, 4).figures
    assert list(before) == list(after) == ["pass@1", "pass@4", "maj@4"]


def test_problems_that_lack_a_sample_are_missing_from_the_figures_that_need_it() -> None:
    whole = [RIGHT, wrong("8"), wrong("8")]
    figures = compute_figures({"a": whole, "b": whole, "c": [RIGHT, FAULT, RIGHT], "d": [FAULT] * 3}, 3).figures
    assert {name: (figure.n, figure.missing) for name, figure in figures.items()} == {
        "pass@1": (3, 1),
        "pass@3": (2, 2),
        "maj@3": (2, 2),
    }
    assert figures["pass@1"].value == pytest.approx((1 / 3 + 1 / 3 + 1) / 3)
    assert (figures["pass@3"].value, figures["maj@3"].value) == (1.0, 0.0)


def test_without_a_problem_that_has_all_samples_there_is_only_pass_at_1() -> None:
    assert list(compute_figures({"a": [RIGHT, FAULT], "b": [FAULT, RIGHT]}, 2).figures) == ["pass@1"]


def test_an_undecided_attempt_is_not_correct_and_is_counted() -> None:
    measured = compute_figures({"a": [RIGHT, UNDECIDED], "b": [UNDECIDED, UNDECIDED]}, 2)
    assert {name: figure.value for name, figure in measured.figures.items()} == {
        "pass@1": 0.25,
        "pass@2": 0.5,
        "maj@2": 0.25,
    }
    assert measured.undecided == 3
    assert all(figure.missing == 0 for figure in measured.figures.values())


def test_a_problem_whose_reference_cannot_be_read_is_in_no_figure_and_is_counted() -> None:
    measured = compute_figures({"a": [RIGHT, RIGHT], "b": [UNANSWERED, UNVERIFIABLE]}, 2)
    assert {(figure.value, figure.n, figure.missing) for figure in measured.figures.values()} == {(1.0, 1, 0)}
    assert (measured.unverifiable, measured.undecided) == (1, 0)


def test_without_an_attempt_that_can_be_judged_nothing_was_measured() -> None:
    with pytest.raises(NothingMeasuredError, match=r"none of 2 problems .* 1 have only .* 1 have a reference"):
        compute_figures({"a": [FAULT, FAULT], "b": [UNVERIFIABLE, FAULT]}, 2)
    with pytest.raises(NothingMeasuredError, match="none of 0 problems"):
        compute_figures({}, 1)


def values(answers: Answers, samples: int) -> dict[str, float]:
    return {name: figure.value for name, figure in compute_figures(answers, samples).figures.items()}
