"""The probability that a label is wrong: which evidence raises or lowers it."""

from itertools import pairwise

import pytest

from store.labels.error_model import Beta, PolicyModel, Votes, fit_beta, fit_policy_model, fit_theta, probability_wrong

STRONG = PolicyModel(Beta(40.0, 10.0), error_agreement=Beta(2.0, 8.0), truth_theta=3.0, error_theta=1.0)


def odds(votes: Votes, model: PolicyModel = STRONG, prior: float = 0.005) -> float:
    return probability_wrong(votes, model, prior)


def test_agreement_of_a_strong_policy_makes_a_label_doubtful() -> None:
    assert odds(Votes(8, 7, 4, 0, 0)) > 0.99


def test_more_agreement_makes_it_more_doubtful() -> None:
    probabilities = [odds(Votes(8, agreeing, 3, 0, 0)) for agreeing in (3, 4, 5, 6, 7)]

    assert all(less < more for less, more in pairwise(probabilities))


def test_each_attempt_that_reaches_the_label_supports_it() -> None:
    probabilities = [odds(Votes(8, 4, 3, reached, min(reached, 1))) for reached in (0, 1, 2, 3, 4)]

    assert all(more > less for more, less in pairwise(probabilities))


def test_an_answer_that_one_program_gave_again_and_again_is_believed_less() -> None:
    assert odds(Votes(6, 5, 1, 0, 0)) < odds(Votes(6, 5, 4, 0, 0))


def test_a_policy_whose_mistakes_repeat_each_other_is_believed_less() -> None:
    stubborn = STRONG._replace(error_agreement=Beta(9.0, 1.0))

    assert odds(Votes(8, 5, 3, 0, 0), stubborn) < odds(Votes(8, 5, 3, 0, 0))


def test_a_policy_that_fails_whole_problems_is_believed_less() -> None:
    erratic = STRONG._replace(accuracy=Beta(0.4, 0.1))

    assert odds(Votes(8, 7, 4, 0, 0), erratic) < odds(Votes(8, 7, 4, 0, 0))


def test_without_another_answer_the_probability_is_zero() -> None:
    assert odds(Votes(8, 0, 0, 8, 3)) == 0.0


def test_a_rate_and_its_spread_are_found_again() -> None:
    same_everywhere = fit_beta({(8, 10): 500, (7, 10): 250, (9, 10): 250}, Beta(1, 1))
    all_or_nothing = fit_beta({(10, 10): 800, (0, 10): 200}, Beta(1, 1))

    for rate in (same_everywhere, all_or_nothing):
        assert rate.a / (rate.a + rate.b) == pytest.approx(0.8, abs=0.01)
    assert sum(all_or_nothing) < 0.5 < 50 < sum(same_everywhere)


def test_variety_grows_with_the_programs() -> None:
    assert fit_theta({(1, 5): 100}, 1.0) < fit_theta({(2, 5): 100}, 1.0) < fit_theta({(4, 5): 100}, 1.0)


def test_too_few_cases_keep_the_defaults() -> None:
    assert fit_policy_model([Votes(2, 1, 1, 1, 1)], prior=0.005) == PolicyModel()
