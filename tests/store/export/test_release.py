"""The statistics and the contamination report of a release, on questions that no import would let into both splits."""

import pytest

from store.export.release.contamination import NGRAM, HeldOutQuestions, ngrams
from store.export.release.licences import licences_of
from store.export.release.statistics import quantiles
from store.records import Problem, Split

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"]
QUESTION = "If " + " ".join(WORDS) + ", how many are even?"


def problem(question: str, split: Split = Split.TRAIN) -> Problem:
    return Problem(split.value, question, "1", "test", split, question)


@pytest.mark.parametrize(
    ("question", "measures"),
    [
        (QUESTION, ["exact", "normalised", "ngram"]),
        (QUESTION.upper().replace(" ", "\n"), ["normalised", "ngram"]),
        ("Add (" + "; ".join(WORDS) + ").", ["ngram"]),
        ("Add " + " ".join(WORDS[: NGRAM - 1]) + " now.", []),
        ("Short?", []),
    ],
)
def test_overlaps_are_found_by_each_measure(question: str, measures: list[str]) -> None:
    heldout = HeldOutQuestions([problem("Another question.", Split.HELDOUT), problem(QUESTION, Split.HELDOUT)])

    assert [overlap.measure for overlap in heldout.overlaps(problem(question), ngrams(question))] == measures


def test_nothing_overlaps_with_no_held_out_question() -> None:
    assert list(HeldOutQuestions([]).overlaps(problem(QUESTION), ngrams(QUESTION))) == []


def test_quantiles_are_values_that_occur() -> None:
    counts = {10: 98, 20: 1, 5: 1}

    assert quantiles(counts, (0.0, 0.01, 0.5, 0.99, 1.0)) == [(0.0, 5), (0.01, 5), (0.5, 10), (0.99, 10), (1.0, 20)]


def test_a_named_licence_wins_over_a_known_one() -> None:
    sources = ["reasoning_gym/chain_sum", "reasoning_gym/primes", "mine"]

    assert licences_of(sources, {"reasoning_gym/primes": "mit"}) == {
        "mine": "unknown",
        "reasoning_gym/chain_sum": "apache-2.0",
        "reasoning_gym/primes": "mit",
    }
