"""The figures of an evaluation: pass@k and maj@k over the stored answers."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import comb, sqrt

from store.records import Outcome
from store.runs.evaluations import SampledAnswer

Answers = Mapping[str, Sequence[SampledAnswer]]
"""The attempts by problem id."""


class NothingMeasuredError(RuntimeError):
    """Every attempt of an evaluation was ended by a fault of ours, so that the policy cannot be judged."""


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of `k` attempts is right, of `n` that were made and `c` that were right.

    The unbiased estimator 1 - C(n-c, k) / C(n, k) of Chen et al. 2021, "Evaluating large language models trained on
    code" (arXiv 2107.03374), equation 1.

    Raises:
        ValueError: `k` attempts cannot be drawn from `n`.
    """
    if not 0 <= c <= n or not 1 <= k <= n:
        raise ValueError(f"pass@{k} needs at least {k} attempts and 0 <= c <= n, not n={n}, c={c}")
    return 1.0 - comb(n - c, k) / comb(n, k)


def majority_is_right(attempts: Sequence[SampledAnswer]) -> float:
    """Whether the answer given most often is right (maj@k, Wang et al. 2022, arXiv 2203.11171), 0 to 1.

    Answers are grouped as they are written, and all accepted ones are one group, for they equal the same reference.
    Answers that tie share the verdict evenly, so that the figure does not hang on their order.
    """
    accepted = object()
    votes: Counter[object] = Counter(
        accepted if attempt.outcome is Outcome.ACCEPTED else _written(attempt.answer)
        for attempt in attempts
        if attempt.answer is not None
    )
    if not votes:
        return 0.0
    most = max(votes.values())
    winners = [answer for answer, count in votes.items() if count == most]
    return (accepted in winners) / len(winners)


def figures(answers: Answers) -> dict[str, float]:
    """The figures that the stored attempts allow: pass@1, and with k > 1 attempts a problem pass@k and maj@k.

    Attempts that a fault of ours ended are left out, and problems with nothing but such attempts too.
    """
    groups = list(_without_faults(answers).values())
    if not groups:
        return {}
    right = [sum(attempt.outcome is Outcome.ACCEPTED for attempt in attempts) for attempts in groups]
    k = min(len(attempts) for attempts in groups)
    result = {"pass@1": _mean([pass_at_k(len(g), c, 1) for g, c in zip(groups, right, strict=True)])}
    if k > 1:
        result[f"pass@{k}"] = _mean([pass_at_k(len(g), c, k) for g, c in zip(groups, right, strict=True)])
        result[f"maj@{k}"] = _mean([majority_is_right(g[:k]) for g in groups])
    return result


def counted(answers: Answers) -> int:
    """How many problems the figures are over: those with an attempt that no fault of ours ended."""
    return len(_without_faults(answers))


def compare(ours: Answers, theirs: Answers) -> tuple[float, float] | None:
    """pass@1 of two policies on the problems that both were measured on, None where there is none.

    Problems that were imported between their measurements, or measured by one alone, would favour one of them.
    """
    ours, theirs = _without_faults(ours), _without_faults(theirs)
    common = [p for p in ours if p in theirs]
    if not common:
        return None
    one, other = (figures({p: answers[p] for p in common})["pass@1"] for answers in (ours, theirs))
    return one, other


def standard_error(p: float, n: int) -> float:
    """The standard error of a share `p` measured on `n` problems."""
    return sqrt(p * (1 - p) / n) if n else 0.0


def _without_faults(answers: Answers) -> Answers:
    """The attempts that count, of problems that have any."""
    left = {p: [a for a in attempts if a.outcome is not Outcome.FAULT] for p, attempts in answers.items()}
    return {p: attempts for p, attempts in left.items() if attempts}


def _written(answer: str | None) -> str:
    return (answer or "").strip()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
