"""The odds that a label is wrong: what moves them, and in which direction."""

from itertools import pairwise

import pytest

from store.labels.odds import Beta, Habits, Votes, fit_habits, fit_rate, fit_variety, probability_wrong

STRONG = Habits(right=Beta(40.0, 10.0), echo=Beta(2.0, 8.0), truth_variety=3.0, mistake_variety=1.0)


def odds(votes: Votes, habits: Habits = STRONG, prior: float = 0.005) -> float:
    return probability_wrong(votes, habits, prior)


def test_agreement_of_a_strong_policy_makes_a_label_doubtful() -> None:
    assert odds(Votes(8, 7, 4, 0, 0)) > 0.99


def test_more_agreement_makes_it_more_doubtful() -> None:
    probabilities = [odds(Votes(8, agreeing, 3, 0, 0)) for agreeing in (3, 4, 5, 6, 7)]

    assert all(less < more for less, more in pairwise(probabilities))


def test_each_attempt_that_reaches_the_label_speaks_for_it() -> None:
    probabilities = [odds(Votes(8, 4, 3, reached, min(reached, 1))) for reached in (0, 1, 2, 3, 4)]

    assert all(more > less for more, less in pairwise(probabilities))


def test_an_answer_that_one_program_gave_again_and_again_is_believed_less() -> None:
    assert odds(Votes(6, 5, 1, 0, 0)) < odds(Votes(6, 5, 4, 0, 0))


def test_a_policy_whose_mistakes_repeat_each_other_is_believed_less() -> None:
    stubborn = STRONG._replace(echo=Beta(9.0, 1.0))

    assert odds(Votes(8, 5, 3, 0, 0), stubborn) < odds(Votes(8, 5, 3, 0, 0))


def test_a_policy_that_fails_whole_problems_is_believed_less() -> None:
    erratic = STRONG._replace(right=Beta(0.4, 0.1))

    assert odds(Votes(8, 7, 4, 0, 0), erratic) < odds(Votes(8, 7, 4, 0, 0))


def test_nothing_is_said_without_another_answer() -> None:
    assert odds(Votes(8, 0, 0, 8, 3)) == 0.0


def test_a_rate_and_its_spread_are_found_again() -> None:
    same_everywhere = fit_rate({(8, 10): 500, (7, 10): 250, (9, 10): 250}, Beta(1, 1))
    all_or_nothing = fit_rate({(10, 10): 800, (0, 10): 200}, Beta(1, 1))

    for rate in (same_everywhere, all_or_nothing):
        assert rate.a / (rate.a + rate.b) == pytest.approx(0.8, abs=0.01)
    assert sum(all_or_nothing) < 0.5 < 50 < sum(same_everywhere)


def test_variety_grows_with_the_programs() -> None:
    assert fit_variety({(1, 5): 100}, 1.0) < fit_variety({(2, 5): 100}, 1.0) < fit_variety({(4, 5): 100}, 1.0)


def test_too_little_to_tell_leaves_the_guess() -> None:
    assert fit_habits([Votes(2, 1, 1, 1, 1)], prior=0.005) == Habits()
