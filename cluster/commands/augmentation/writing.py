"""Questions that a teacher writes for `automathes augment`: its job, and what came of it."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from actors.annotation.job import JobOrder
from actors.annotation.pages import Selection
from actors.annotation.progress import JobProgress
from actors.augmentation.rewriting.methods import METHODS, Rewriting
from actors.augmentation.rewriting.task import candidates, load_rewriting_prompt, rewriting
from cluster.commands.annotation.options import spending_limits, teacher_settings
from cluster.commands.annotation.records import start_record, summary_record
from cluster.commands.annotation.running import run_until_stopped
from cluster.console.annotation_progress import annotation_progress, usd
from cluster.console.output import print_line
from cluster.console.tables.annotation_tables import print_rest
from store.records import AnnotationJob, AnnotationSummary, Outcome, Problem
from store.store import Store

_DEFAULTS = {"temperatures": (0.7,), "max_tokens": 1024, "max_blocks": 0}


@dataclass(frozen=True, slots=True)
class Written:
    """A job whose teacher writes questions, and what this start of it did."""

    method: Rewriting
    job: AnnotationJob
    progress: JobProgress

    def candidates(self, store: Store) -> Iterator[Problem]:
        """What the texts of all its starts make."""
        return candidates(store.annotations, self.job, self.method)

    def record(self, store: Store) -> dict[str, Any]:
        """The job, as JSON."""
        return summary_record(self._summary(store)) | {"this_start": start_record(self.progress)}

    def print(self, store: Store) -> None:
        """Print what the job came to, and what to do next."""
        summary = self._summary(store)
        usable, ended = (summary.attempts.get(one, 0) for one in (Outcome.ACCEPTED, Outcome.TRUNCATED))
        unusable = ended + summary.attempts.get(Outcome.NO_ANSWER, 0)
        spent = usd(summary.job.spending.spent.microusd)
        print_line(f"{self.job.model} wrote {usable} questions for {spent}; {unusable} attempts came to none")
        print_rest(self.progress)

    def _summary(self, store: Store) -> AnnotationSummary:
        return next(one for one in store.annotations.summaries() if one.job.id == self.job.id)


def write_questions(store: Store, arguments: argparse.Namespace) -> Written:
    """Have a teacher write questions, or continue where an earlier start of the same command ended.

    Raises:
        ConfigError: an option is out of bounds.
        PromptError: the prompt cannot be used.
        TeacherError: the teacher cannot be used.
        StoreError: another process is at work on the same job.
    """
    method = METHODS[arguments.method]
    settings = teacher_settings(arguments, _DEFAULTS | {"samples": arguments.per_problem})
    price, limits = spending_limits(arguments, settings)
    prompt = load_rewriting_prompt(method, arguments.prompt)
    order = JobOrder(settings, prompt, price, limits, arguments.batch, task=method.name)
    selection = Selection(arguments.limit, arguments.source, originals=True)
    task = rewriting(settings, prompt, method, selection)
    with annotation_progress(limits) as on_progress:
        job, progress = run_until_stopped(store, order, task, on_progress)
    return Written(method, job, progress)
