"""Judging the answers of an evaluation again, by another rule than the one that they were sampled with."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from itertools import batched

from eval.judging.rule import Rule
from eval.metrics import Answers
from store.records import Outcome, accepted_answers
from store.runs.evaluations import SampledAnswer

_JUDGED = frozenset((Outcome.ACCEPTED, Outcome.WRONG, Outcome.UNDECIDED, Outcome.UNVERIFIABLE))
"""The outcomes of attempts with an answer. The others have none, by any rule."""

_BATCH = 512  # pairs that are judged at a time

type Pair = tuple[str, str]
"""A label, which may accept several answers, and the answer of an attempt."""


async def rejudge(
    answers: Answers,
    labels: Mapping[str, str],
    rule: Rule,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Answers:
    """The attempts with the outcomes that a rule gives them: accepted or wrong, where they have an answer.

    `labels` are by problem id. Each distinct pair of a label and an answer is judged once.

    Raises:
        AnswerCheckFailed: the checker's processes failed. The command can be repeated.
        SandboxUnavailable: the rule needs algebra, and code cannot be isolated on this host.
    """
    pairs = list(dict.fromkeys(_pairs(answers, labels)))
    right: dict[Pair, bool] = {}
    for batch in batched(pairs, _BATCH):
        right |= zip(batch, await _judge(batch, rule), strict=True)
        on_progress(len(right), len(pairs))
    return {
        problem: [_with_verdict(attempt, right.get((labels[problem], attempt.answer or ""))) for attempt in attempts]
        for problem, attempts in answers.items()
    }


def _pairs(answers: Answers, labels: Mapping[str, str]) -> list[Pair]:
    return [
        (labels[problem], attempt.answer)
        for problem, attempts in answers.items()
        for attempt in attempts
        if attempt.answer is not None and attempt.outcome in _JUDGED
    ]


async def _judge(pairs: Sequence[Pair], rule: Rule) -> list[bool]:
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_is_right(label, answer, rule)) for label, answer in pairs]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None  # one cause, seen by several
    return [task.result() for task in tasks]


async def _is_right(label: str, answer: str, rule: Rule) -> bool:
    for reference in accepted_answers(label):
        if await rule.is_right(reference, answer):
            return True
    return False


def _with_verdict(attempt: SampledAnswer, right: bool | None) -> SampledAnswer:
    if right is None or attempt.outcome not in _JUDGED:
        return attempt
    return attempt._replace(outcome=Outcome.ACCEPTED if right else Outcome.WRONG)
