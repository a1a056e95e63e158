"""Scoring complete evaluations by each rule of judging. What was scored once is stored and not judged again."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from cluster.commands.bench.target import Target
from cluster.console.progress_bar import OnProgress
from eval.benchmarks.results import Score
from eval.judging.rejudging import rejudge
from eval.judging.rules import OURS, RULES
from eval.metrics import Answers, compute_figures
from eval.values.reranking import rerank_figures
from sandbox.equivalence import AnswerChecker
from store.records import Problem
from store.runs.figures import Figure, Measured
from store.store import Store

_BY = ":v"
"""Between the name of a figure of a value model's choice and the model's version, as it is stored."""


class Scoring:
    """Scores evaluations of one store."""

    def __init__(
        self, store: Store, value: int | None, runner: asyncio.Runner, checker: AnswerChecker, on_progress: OnProgress
    ) -> None:
        self._store = store
        self._value = value
        self._runner = runner
        self._checker = checker
        self._on_progress = on_progress

    def scores(self, evaluation: int, rules: Sequence[str], problems: Sequence[Problem]) -> Mapping[str, Score]:
        """The scores of a complete evaluation by rule, which are stored with it.

        Raises:
            NothingMeasuredError: no attempt can be scored, for example because all ended in a system fault.
        """
        known = self._store.evaluations.measured(evaluation) or Measured({})
        samples = self._store.evaluations.get(evaluation).samples
        value = self._value if samples > 1 else None
        found = {rule: _known(known, rule, value) for rule in rules}
        missing = [rule for rule, score in found.items() if score is None]
        if missing:
            answers = self._store.evaluations.answers(evaluation)
            scored = {rule: self._score(evaluation, answers, rule, samples, problems) for rule in missing}
            merged = _merged(known, scored)
            self._store.evaluations.finish(evaluation, merged)
            found = {rule: _known(merged, rule, value) or _known(merged, rule, None) for rule in rules}
        return {rule: score for rule, score in found.items() if score is not None}

    def _score(self, evaluation: int, answers: Answers, rule: str, samples: int, problems: Sequence[Problem]) -> Score:
        """The score by a rule; figures of a value model's choice are named with its version."""
        make = RULES[rule].make
        if make is not None:
            labels = {problem.id: problem.answer for problem in problems}
            answers = self._runner.run(rejudge(answers, labels, make(self._checker), self._on_progress))
        measured = compute_figures(answers, samples)
        chosen = self._chosen(evaluation, answers, samples)
        return Score({**measured.figures, **chosen}, measured.undecided, measured.unverifiable)

    def _chosen(self, evaluation: int, answers: Answers, samples: int) -> dict[str, Figure]:
        """The figures of a value model's choice among attempts, with the outcomes that a rule gave them."""
        if self._value is None or samples == 1:
            return {}
        scored = self._store.values.attempts(self._value, evaluation)
        judged = {
            problem: [
                attempt._replace(outcome=answer.outcome)
                for attempt, answer in zip(attempts, answers[problem], strict=True)
            ]
            for problem, attempts in scored.items()
        }
        return {f"{metric}{_BY}{self._value}": figure for metric, figure in rerank_figures(judged, samples).items()}


@contextmanager
def open_scoring(store: Store, target: Target, on_progress: OnProgress) -> Iterator[Scoring]:
    """Scoring of a target for the time of the context; its end stops the worker processes.

    Raises:
        SandboxUnavailable: within, at the first pair that needs algebra where nothing can be isolated.
        AnswerCheckFailed: within, if the checker's processes fail on a pair. The command can be repeated.
    """
    with asyncio.Runner() as runner:
        checker = AnswerChecker(target.config.answer_checker)
        value = None if target.value is None else target.value.version
        try:
            yield Scoring(store, value, runner, checker, on_progress)
        finally:
            runner.run(checker.close())


def _key(metric: str, rule: str) -> str:
    """The name by which a figure is stored, with the revision of its rule; ours has the plain one."""
    return metric if rule == OURS else f"{metric}/{rule}.{RULES[rule].revision}"


def _known(measured: Measured, rule: str, value: int | None) -> Score | None:
    """The stored score by a rule, with the choice of a value model if it is to choose; None if either is missing."""
    suffix = _key("", rule)
    stored = {
        metric.removesuffix(suffix): figure
        for metric, figure in measured.figures.items()
        if (metric.endswith(suffix) if suffix else "/" not in metric)
    }
    figures = {metric: figure for metric, figure in stored.items() if _BY not in metric}
    chosen = {metric.partition(_BY)[0]: one for metric, one in stored.items() if metric.endswith(f"{_BY}{value}")}
    if not figures or (value is not None and not chosen):
        return None
    figures |= chosen
    return Score(figures, measured.undecided, measured.unverifiable) if rule == OURS else Score(figures)


def _merged(known: Measured, scored: Mapping[str, Score]) -> Measured:
    figures = dict(known.figures)
    for rule, score in scored.items():
        figures |= {_key(metric, rule): figure for metric, figure in score.figures.items()}
    ours = scored.get(OURS, Score({}, known.undecided, known.unverifiable))
    return Measured(figures, ours.undecided, ours.unverifiable)
