"""One of several solutions, chosen by answers, values and probabilities."""

import pytest

from actors.engine import TokenLogprobs
from cluster.serving.solving.choosing import best, by_majority
from cluster.serving.solving.solver import Solution


def solution(content: str, answer: str | None, logprob: float = -1.0, value: float | None = None) -> Solution:
    token = TokenLogprobs(5, logprob, ())
    return Solution(content, answer, False, (), 10, 10, (1,), (token,), value=value)


def test_the_best_is_the_most_probable_one_with_an_answer() -> None:
    chosen = best([solution("a", "1", -0.5), solution("b", "2", -0.3), solution("c", None, -0.1)])
    assert (chosen.content, chosen.completion_tokens) == ("b", 30)


def test_the_best_by_value_is_not_the_most_probable() -> None:
    chosen = best([solution("a", "1", -0.1, 0.2), solution("b", "2", -0.9, 0.7), solution("c", None, -0.1, 0.9)])
    assert (chosen.content, chosen.value) == ("b", 0.7)


def test_without_any_answer_the_best_of_all_is_chosen() -> None:
    assert best([solution("a", None, -0.5), solution("b", None, -0.3)]).content == "b"
    assert by_majority([solution("a", None, -0.5), solution("b", None, -0.3)]).content == "b"


def test_the_majority_counts_answers_and_sends_its_most_probable_solution() -> None:
    chosen = by_majority(
        [solution("a", "1", -0.1), solution("b", "2", -0.9), solution("c", " 2", -0.4), solution("d", None)]
    )
    assert (chosen.content, chosen.votes) == ("c", (("2", 2), ("1", 1)))
    assert all(isinstance(count, int) for _, count in chosen.votes)


def test_votes_weigh_as_much_as_their_values() -> None:
    chosen = by_majority([solution("a", "1", value=0.9), solution("b", "2", value=0.3), solution("c", "2", value=0.4)])
    assert chosen.content == "a"
    assert [answer for answer, _ in chosen.votes] == ["1", "2"]
    assert [weight for _, weight in chosen.votes] == pytest.approx([0.9, 0.7])


def test_a_value_above_one_is_one_vote_and_one_below_zero_is_nearly_none() -> None:
    chosen = by_majority([solution("a", "1", value=1.8), solution("b", "2", value=0.6), solution("c", "2", value=0.6)])
    assert chosen.content == "b"
    assert by_majority([solution("a", "1", value=-3.0)]).votes[0][1] > 0
