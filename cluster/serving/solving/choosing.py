"""One solution chosen out of several: by their answers or by their probability."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from actors.engine import mean_logprob
from cluster.serving.solving.solver import Solution


def by_majority(solutions: Sequence[Solution]) -> Solution:
    """The most probable one with the most frequent answer (self-consistency: Wang et al. 2022, arXiv 2203.11171).

    Answers are grouped by their text. Without any answer it is the most probable solution of all. Its `votes` are
    the answers with their counts, the most frequent first.
    """
    votes = Counter(answer.strip() for solution in solutions if (answer := solution.answer) is not None)
    if not votes:
        return _whole(by_probability(solutions), solutions)
    most = max(votes.values())
    agreeing = [solution for solution in solutions if votes[(solution.answer or "").strip()] == most]
    return replace(_whole(by_probability(agreeing), solutions), votes=tuple(votes.most_common()))


def best(solutions: Sequence[Solution]) -> Solution:
    """The most probable one with an answer, by the mean log-probability of its tokens; else the most probable one."""
    answered = [solution for solution in solutions if solution.answer is not None]
    return _whole(by_probability(answered or solutions), solutions)


def by_probability(solutions: Sequence[Solution]) -> Solution:
    """The one with the highest mean log-probability of its tokens."""
    return max(solutions, key=lambda solution: mean_logprob(solution.logprobs))


def _whole(chosen: Solution, solutions: Sequence[Solution]) -> Solution:
    """The chosen one, with the tokens of all."""
    return replace(chosen, completion_tokens=sum(solution.completion_tokens for solution in solutions))
