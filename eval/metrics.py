"""Evaluation metrics: pass@k and maj@k over stored answers.

k is the number of samples that were scheduled for each problem. A figure is computed over the problems that have all of
its samples, and states how many have not (`Figure.missing`). Attempts are counted so:

- A system fault is no sample. The sampler repeats such attempts; what still ended in a fault is missing.
- An undecided attempt (the checker reached no verdict) is not correct. Whether a verdict is reached depends on what the
  policy wrote, so that a figure without these attempts would favour answers that cannot be checked. The number of
  undecided attempts is stated beside the figures; they are too low by at most these.
- A problem with an unverifiable attempt (the reference cannot be read) is in no figure: no answer to it can be judged,
  and its other attempts, such as those without an answer, would only count against the policy.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from eval.intervals import Scores, mean_figure
from store.records import Outcome
from store.runs.evaluations import SampledAnswer
from store.runs.figures import Measured

Answers = Mapping[str, Sequence[SampledAnswer]]
"""Attempts by problem id."""

type Counts = npt.NDArray[np.int64]
"""One count per problem, shape (problems,)."""


class NothingMeasuredError(RuntimeError):
    """No problem of an evaluation can be scored: system faults and unreadable references left none."""


def pass_at_k(n: Counts, c: Counts, k: int) -> Scores:
    """The probability that at least one of `k` attempts is correct, given `n` attempts of which `c` were correct.

    The unbiased estimator 1 - C(n-c, k) / C(n, k) of Chen et al. 2021, "Evaluating large language models trained on
    code" (arXiv 2107.03374), equation 1, for each problem.

    Raises:
        ValueError: `n`, `c` and `k` are impossible, such as fewer attempts than `k`.
    """
    impossible = (c < 0) | (c > n) | (n < k) | (k < 1)
    if impossible.any():
        first = int(np.argmax(impossible))
        raise ValueError(f"pass@{k} needs at least {k} attempts and 0 <= c <= n, not n={n[first]}, c={c[first]}")
    all_wrong = np.ones(len(n))
    for i in range(k):
        all_wrong *= np.maximum(n - c - i, 0) / (n - i)
    return 1.0 - all_wrong


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


def compute_figures(answers: Answers, samples: int) -> Measured:
    """pass@1, and with several samples per problem also pass@k and maj@k, where k is `samples`.

    pass@1 is over the problems with at least one sample, the others are over those with all. They are absent if no
    problem has all.

    Raises:
        NothingMeasuredError: no problem has a sample that can be judged.
    """
    readable = readable_answers(answers)
    scored = without_faults(readable)
    if not scored:
        raise NothingMeasuredError(
            f"none of {len(answers)} problems can be scored: {len(readable)} have only attempts that ended in a system "
            f"fault (see the samplers' logs and `automathes doctor`), {len(answers) - len(readable)} have a reference "
            "that cannot be read"
        )
    figures = {"pass@1": mean_figure(pass_at_1(scored.values()), len(readable) - len(scored))}
    complete = [attempts for attempts in scored.values() if len(attempts) >= samples]
    if samples > 1 and complete:
        missing = len(readable) - len(complete)
        figures[f"pass@{samples}"] = mean_figure(pass_at_k(*_counts(complete), samples), missing)
        majority = np.array([maj_at_k(attempts[:samples]) for attempts in complete])
        figures[f"maj@{samples}"] = mean_figure(majority, missing)
    undecided = sum(attempt.outcome is Outcome.UNDECIDED for attempts in scored.values() for attempt in attempts)
    return Measured(figures, undecided, len(answers) - len(readable))


def pass_at_1(attempts: Collection[Sequence[SampledAnswer]]) -> Scores:
    """The share of correct attempts at each problem."""
    return pass_at_k(*_counts(attempts), 1)


def readable_answers(answers: Answers) -> Answers:
    """The attempts at problems whose reference could be read."""
    return {
        problem: attempts
        for problem, attempts in answers.items()
        if not any(attempt.outcome is Outcome.UNVERIFIABLE for attempt in attempts)
    }


def without_faults(answers: Answers) -> Answers:
    """The attempts that are not system faults, of problems that have any."""
    kept = {p: [a for a in attempts if a.outcome is not Outcome.FAULT] for p, attempts in answers.items()}
    return {p: attempts for p, attempts in kept.items() if attempts}


def _counts(attempts: Collection[Sequence[SampledAnswer]]) -> tuple[Counts, Counts]:
    """The attempts at each problem, and how many of them are correct."""
    correct = [sum(attempt.outcome is Outcome.ACCEPTED for attempt in one) for one in attempts]
    return np.array([len(one) for one in attempts]), np.array(correct)
