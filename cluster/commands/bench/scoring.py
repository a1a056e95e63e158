"""Scoring complete evaluations by each rule of judging. What was scored once is stored and not judged again."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from cluster.console.progress_bar import OnProgress
from eval.benchmarks.results import Score
from eval.judging.rejudging import rejudge
from eval.judging.rules import OURS, RULES
from eval.metrics import Answers, compute_figures
from sandbox.equivalence import AnswerChecker
from sandbox.settings import AnswerCheckerSettings
from store.records import Problem
from store.runs.figures import Figure, Measured
from store.store import Store


class Scoring:
    """Scores evaluations of one store."""

    def __init__(self, store: Store, runner: asyncio.Runner, checker: AnswerChecker, on_progress: OnProgress) -> None:
        self._store = store
        self._runner = runner
        self._checker = checker
        self._on_progress = on_progress

    def scores(self, evaluation: int, rules: Sequence[str], problems: Sequence[Problem]) -> Mapping[str, Score]:
        """The scores of a complete evaluation by rule, which are stored with it.

        Raises:
            NothingMeasuredError: no attempt can be scored, for example because all ended in a system fault.
        """
        known = self._store.evaluations.measured(evaluation) or Measured({})
        found = {rule: _known(known, rule) for rule in rules}
        missing = [rule for rule, score in found.items() if score is None]
        if missing:
            answers = self._store.evaluations.answers(evaluation)
            samples = self._store.evaluations.get(evaluation).samples
            scored = {rule: self._score(answers, rule, samples, problems) for rule in missing}
            self._store.evaluations.finish(evaluation, _merged(known, scored))
            found |= scored
        return {rule: score for rule, score in found.items() if score is not None}

    def _score(self, answers: Answers, rule: str, samples: int, problems: Sequence[Problem]) -> Score:
        make = RULES[rule].make
        if make is not None:
            labels = {problem.id: problem.answer for problem in problems}
            answers = self._runner.run(rejudge(answers, labels, make(self._checker), self._on_progress))
        measured = compute_figures(answers, samples)
        return Score(measured.figures, measured.undecided, measured.unverifiable)


@contextmanager
def open_scoring(store: Store, settings: AnswerCheckerSettings, on_progress: OnProgress) -> Iterator[Scoring]:
    """Scoring for the time of the context; its end stops the worker processes.

    Raises:
        SandboxUnavailable: within, at the first pair that needs algebra where nothing can be isolated.
        AnswerCheckFailed: within, if the checker's processes fail on a pair. The command can be repeated.
    """
    with asyncio.Runner() as runner:
        checker = AnswerChecker(settings)
        try:
            yield Scoring(store, runner, checker, on_progress)
        finally:
            runner.run(checker.close())


def _key(metric: str, rule: str) -> str:
    """The name by which a figure is stored, with the revision of its rule; ours has the plain one."""
    return metric if rule == OURS else f"{metric}/{rule}.{RULES[rule].revision}"


def _known(measured: Measured, rule: str) -> Score | None:
    """The stored score by a rule, None if there is none."""
    suffix = _key("", rule)
    figures: dict[str, Figure] = {
        metric.removesuffix(suffix): figure
        for metric, figure in measured.figures.items()
        if (metric.endswith(suffix) if suffix else "/" not in metric)
    }
    if not figures:
        return None
    return Score(figures, measured.undecided, measured.unverifiable) if rule == OURS else Score(figures)


def _merged(known: Measured, scored: Mapping[str, Score]) -> Measured:
    figures = dict(known.figures)
    for rule, score in scored.items():
        figures |= {_key(metric, rule): figure for metric, figure in score.figures.items()}
    ours = scored.get(OURS, Score({}, known.undecided, known.unverifiable))
    return Measured(figures, ours.undecided, ours.unverifiable)
