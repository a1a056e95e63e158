"""One solution chosen out of several: by their answers, and by a value model's scores or else their probability."""

from collections.abc import Sequence
from dataclasses import replace

from actors.engine import mean_logprob
from cluster.serving.solving.solver import Solution
from eval.values.picking import vote_weight


def by_majority(solutions: Sequence[Solution]) -> Solution:
    """The best one with the most frequent answer (self-consistency: Wang et al. 2022, arXiv 2203.11171).

    Answers are grouped by their text. Solutions with a value have it as the weight of their vote, between 0 and 1.
    Without any answer it is the best solution of all. Its `votes` are the answers with the sums of their votes, the
    greatest first.
    """
    votes: dict[str, float] = {}
    for solution in solutions:
        if solution.answer is not None:
            answer = solution.answer.strip()
            votes[answer] = votes.get(answer, 0) + _weight(solution)
    if not votes:
        return _whole(_best_of(solutions), solutions)
    most = max(votes.values())
    agreeing = [solution for solution in solutions if votes.get((solution.answer or "").strip()) == most]
    ordered = sorted(votes.items(), key=lambda vote: -vote[1])
    return replace(_whole(_best_of(agreeing), solutions), votes=tuple(ordered))


def best(solutions: Sequence[Solution]) -> Solution:
    """The best one with an answer, else the best of all.

    The best one has the highest value, or without values the highest mean log-probability of its tokens.
    """
    answered = [solution for solution in solutions if solution.answer is not None]
    return _whole(_best_of(answered or solutions), solutions)


def _best_of(solutions: Sequence[Solution]) -> Solution:
    return max(solutions, key=_rank)


def _rank(solution: Solution) -> float:
    return mean_logprob(solution.logprobs) if solution.value is None else solution.value


def _weight(solution: Solution) -> float:
    return 1 if solution.value is None else vote_weight(solution.value)


def _whole(chosen: Solution, solutions: Sequence[Solution]) -> Solution:
    """The chosen one, with the tokens of all."""
    return replace(chosen, completion_tokens=sum(solution.completion_tokens for solution in solutions))
