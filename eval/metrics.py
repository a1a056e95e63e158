"""Evaluation metrics: pass@k and maj@k over stored answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import comb, sqrt

from store.records import Outcome
from store.runs.evaluations import SampledAnswer

Answers = Mapping[str, Sequence[SampledAnswer]]
"""Attempts by problem id."""


class NothingMeasuredError(RuntimeError):
    """Every attempt of an evaluation ended in a system fault, so there is nothing to score the policy by."""


def pass_at_k(n: int, c: int, k: int) -> float:
    """The probability that at least one of `k` attempts is correct, given `n` attempts of which `c` were correct.

    The unbiased estimator 1 - C(n-c, k) / C(n, k) of Chen et al. 2021, "Evaluating large language models trained on
    code" (arXiv 2107.03374), equation 1.

    Raises:
        ValueError: `n`, `c` and `k` are impossible, such as fewer attempts than `k`.
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} attempts and 0 <= c <= n, not n={n}, c={c}")
    return 1.0 - comb(n - c, k) / comb(n, k)


def maj_at_k(attempts: Sequence[SampledAnswer]) -> float:
    """Whether the most frequent answer of `attempts` is correct, from 0 to 1 (Wang et al. 2022, arXiv 2203.11171).

    Answers are grouped by their text, and all accepted ones form one group, because they equal the same reference.
    Tied answers share the result evenly, so that it does not depend on their order.
    """
    accepted = object()
    votes: Counter[object] = Counter(
        accepted if attempt.outcome is Outcome.ACCEPTED else attempt.answer.strip()
        for attempt in attempts
        if attempt.answer is not None
    )
    if not votes:
        return 0.0
    most = max(votes.values())
    winners = [answer for answer, count in votes.items() if count == most]
    return (accepted in winners) / len(winners)


def compute_metrics(answers: Answers) -> dict[str, float]:
    """pass@1, and with k > 1 attempts per problem also pass@k and maj@k; empty if nothing can be scored.

    Attempts that ended in a system fault are ignored, and so are problems with no other attempts. k is the smallest
    number of attempts that remain for a problem.
    """
    groups = list(_without_faults(answers).values())
    if not groups:
        return {}
    correct = [sum(attempt.outcome is Outcome.ACCEPTED for attempt in attempts) for attempts in groups]
    k = min(len(attempts) for attempts in groups)
    result = {"pass@1": _mean([pass_at_k(len(g), c, 1) for g, c in zip(groups, correct, strict=True)])}
    if k > 1:
        result[f"pass@{k}"] = _mean([pass_at_k(len(g), c, k) for g, c in zip(groups, correct, strict=True)])
        result[f"maj@{k}"] = _mean([maj_at_k(g[:k]) for g in groups])
    return result


def num_scored(answers: Answers) -> int:
    """The number of problems that the metrics are computed over: those with an attempt that is not a system fault."""
    return len(_without_faults(answers))


def compare_pass_at_1(ours: Answers, theirs: Answers) -> tuple[float, float] | None:
    """pass@1 of two policies on the problems that both were measured on, None if there are none.

    Problems that only one was measured on, such as those imported in between, would favour one of them.
    """
    ours, theirs = _without_faults(ours), _without_faults(theirs)
    common = [p for p in ours if p in theirs]
    if not common:
        return None
    one, other = (compute_metrics({p: answers[p] for p in common})["pass@1"] for answers in (ours, theirs))
    return one, other


def standard_error(p: float, n: int) -> float:
    """The standard error of a proportion `p` measured on `n` problems."""
    return sqrt(p * (1 - p) / n) if n else 0.0


def _without_faults(answers: Answers) -> Answers:
    """The attempts that are not system faults, of problems that have any."""
    kept = {p: [a for a in attempts if a.outcome is not Outcome.FAULT] for p, attempts in answers.items()}
    return {p: attempts for p, attempts in kept.items() if attempts}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
