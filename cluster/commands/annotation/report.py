"""`automathes annotate --report`: the jobs of a store in figures, and the problems that need a person."""

import argparse

from rich.console import Console

from cluster.commands.annotation.options import Target
from cluster.commands.annotation.records import finding_record, summary_record
from cluster.console.output import print_json, print_line
from cluster.console.tables.annotation_tables import print_findings, print_jobs
from store.records import AnnotationJob, QuestionFinding, QuestionVerdict
from store.store import Store

_LISTED = 20


def report(arguments: argparse.Namespace, target: Target) -> int:
    """Show the jobs of a store and the problems of a verdict, without `--verdict` those that are not verified."""
    with Store.open(target.url, create=False) as store:
        summaries = store.annotations.summaries()
        limit = arguments.limit if arguments.limit is not None else _LISTED
        found = {one.job.id: _findings(store, one.job, arguments.verdict, limit) for one in summaries}
    if arguments.json:
        jobs = [summary_record(one) | {"listed": list(map(finding_record, found[one.job.id]))} for one in summaries]
        print_json({"jobs": jobs})
        return 0
    if not summaries:
        print_line("nothing was annotated in this store yet")
        return 0
    console = Console()
    print_jobs(console, summaries)
    for one in summaries:
        print_findings(console, one, found[one.job.id])
    return 0


def _findings(store: Store, job: AnnotationJob, verdict: str | None, limit: int) -> list[QuestionFinding]:
    verdicts = [QuestionVerdict(verdict)] if verdict else [QuestionVerdict.DISPUTED, QuestionVerdict.UNSOLVED]
    found: list[QuestionFinding] = []
    for one in verdicts:
        found += store.annotations.findings(job.id, one, limit - len(found))
    return found
