"""Accuracy of ways to choose one answer of k attempts at a problem, in expectation over all subsets of its attempts.

Attempts are counted as in `eval.metrics`: an undecided one is not correct. An attempt without an answer is never
chosen if another one has an answer, whatever its score.
"""

from collections.abc import Sequence
from math import comb

import numpy as np

from eval.values.subsets import subsets
from eval.values.table import Flags, Floats
from store.records import Outcome, ScoredAttempt

_LEAST_WEIGHT = 1e-6  # of a vote: a score of 0 or less still prefers its answer to none


def pass_at_k(attempts: Sequence[ScoredAttempt], k: int) -> float:
    """Whether one of the k is right: the best that any choice could do. Exact."""
    n, right = len(attempts), int(_right(attempts).sum())
    return 1 - comb(n - right, k) / comb(n, k)


def random_at_k(attempts: Sequence[ScoredAttempt], k: int) -> float:
    """Choose one of those with an answer at random. Exact.

    Given that a subset has an answer at all, any of the answers is as likely to be chosen as any other.
    """
    n, answered = len(attempts), sum(one.answer is not None for one in attempts)
    if not answered:
        return 0.0
    return float(_right(attempts).sum()) / answered * (1 - comb(n - answered, k) / comb(n, k))


def best_at_k(attempts: Sequence[ScoredAttempt], k: int) -> float:
    """Choose the one with the highest score; those with the same share the result evenly. Exact.

    The i-th best of n attempts, from 0, is the best of C(n - 1 - i, k - 1) of the C(n, k) subsets.
    """
    scores = _scores(attempts)
    order = np.argsort(-scores, kind="stable")
    n, right, scores = len(order), _right(attempts)[order].astype(float), scores[order]
    chosen = np.array([comb(n - 1 - i, k - 1) / comb(n, k) for i in range(n)])
    first_of_ties = np.flatnonzero(np.r_[True, scores[1:] != scores[:-1]])
    sizes = np.diff(np.r_[first_of_ties, n])
    shares = np.add.reduceat(right, first_of_ties) / sizes
    return float(np.add.reduceat(chosen, first_of_ties) @ shares)


def majority_at_k(attempts: Sequence[ScoredAttempt], k: int) -> float:
    """Choose the most frequent answer, as `eval.metrics.maj_at_k`. Exact if there are at most 256 subsets."""
    return _vote(attempts, k, np.ones(len(attempts)))


def weighted_majority_at_k(attempts: Sequence[ScoredAttempt], k: int) -> float:
    """Choose the answer with the highest sum of scores, each between 0 and 1. Exact as `majority_at_k`."""
    return _vote(attempts, k, np.array([vote_weight(one.score or 0.0) for one in attempts]))


def vote_weight(score: float) -> float:
    """The weight of a vote with this score, above 0 and at most 1."""
    return min(max(score, _LEAST_WEIGHT), 1.0)


METHODS = {
    "pass": pass_at_k,
    "best": best_at_k,
    "weighted": weighted_majority_at_k,
    "maj": majority_at_k,
    "random": random_at_k,
}
"""The ways by the name of their metric, such as `best@8`."""


def _vote(attempts: Sequence[ScoredAttempt], k: int, weights: Floats) -> float:
    answers = _answers(attempts)
    accepted = 0
    ballots = np.zeros((len(attempts), int(answers.max(initial=0)) + 1))
    voting = answers >= 0
    ballots[np.flatnonzero(voting), answers[voting]] = weights[voting]
    votes = subsets(len(attempts), k) @ ballots
    most = votes.max(axis=1, keepdims=True)
    winners = (votes >= most - 1e-9) & (votes > 0)
    number = winners.sum(axis=1)
    return float(np.mean(np.where(number > 0, winners[:, accepted] / np.maximum(number, 1), 0.0)))


def _answers(attempts: Sequence[ScoredAttempt]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The number of each attempt's answer: 0 for all that are right, since they equal the same label; -1 for none."""
    numbers: dict[str, int] = {}
    found = []
    for one in attempts:
        if one.outcome is Outcome.ACCEPTED:
            found.append(0)
        elif one.answer is None:
            found.append(-1)
        else:
            found.append(numbers.setdefault(one.answer.strip(), len(numbers) + 1))
    return np.array(found, dtype=np.int64)


def _scores(attempts: Sequence[ScoredAttempt]) -> Floats:
    return np.array([-np.inf if one.answer is None or one.score is None else one.score for one in attempts])


def _right(attempts: Sequence[ScoredAttempt]) -> Flags:
    return np.array([one.outcome is Outcome.ACCEPTED for one in attempts])
