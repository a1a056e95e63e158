"""What came of annotation, as text: jobs in figures, and the problems that need a person."""

from collections.abc import Mapping, Sequence

from rich.console import Console

from actors.annotation.progress import JobProgress
from cluster.console.annotation_progress import usd
from cluster.console.output import print_line
from cluster.console.tables.columns import print_table
from store.records import AnnotationSummary, Outcome, QuestionFinding, QuestionVerdict, RequestStatus

_NO_VERDICT = (Outcome.UNDECIDED, Outcome.UNVERIFIABLE)
_NO_ANSWER = (Outcome.NO_ANSWER, Outcome.TRUNCATED)


def print_jobs(console: Console, summaries: Sequence[AnnotationSummary]) -> None:
    """Print a table with a line for each job."""
    print_table(console, [_job_row(one) for one in summaries])


def print_findings(console: Console, summary: AnnotationSummary, found: Sequence[QuestionFinding]) -> None:
    """Print a table of problems with what a job found about them."""
    if found:
        print_line(f"\nproblems of job {summary.job.id}:")
        print_table(console, [_finding_row(one) for one in found])


def print_result(summary: AnnotationSummary, progress: JobProgress) -> None:
    """Print what a job came to, and what a person should do next."""
    print_jobs(Console(), [summary])
    disputed = summary.questions.get(QuestionVerdict.DISPUTED, 0)
    if disputed or summary.questions.get(QuestionVerdict.UNSOLVED, 0):
        print_line("problems that need a person: `automathes annotate --report`, and `automathes review` for labels")
    print_rest(progress)


def print_rest(progress: JobProgress) -> None:
    """Print what failed, and whether the same command would go on."""
    for reason, count in progress.failures.most_common(3):
        print_line(f"{count} x {reason}")
    if progress.left_unanswered:
        print_line(
            f"{progress.left_unanswered} requests were under way when the last process ended: they count as spent"
        )
    if progress.budget_is_spent:
        print_line("the budget is spent: the same command with a larger one continues")
    if progress.is_stopped:
        print_line("stopped: the same command continues")


def _job_row(summary: AnnotationSummary) -> dict[str, str]:
    job, attempts, questions = summary.job, summary.attempts, summary.questions
    problems = sum(questions.values())
    spent = job.spending.spent
    return {
        "job": str(job.id),
        "teacher": f"{job.model} ({task})" if (task := job.settings.get("task")) else job.model,
        "problems": str(problems),
        "verified": str(questions.get(QuestionVerdict.VERIFIED, 0)),
        "disputed": str(questions.get(QuestionVerdict.DISPUTED, 0)),
        "unsolved": str(questions.get(QuestionVerdict.UNSOLVED, 0)),
        "right": str(attempts.get(Outcome.ACCEPTED, 0)),
        "wrong": str(attempts.get(Outcome.WRONG, 0)),
        "no answer": str(_sum(attempts, _NO_ANSWER)),
        "no verdict": str(_sum(attempts, _NO_VERDICT)),
        "failed": str(summary.failed),
        "kept": str(summary.kept),
        "lost": str(summary.requests.get(RequestStatus.LOST, 0)),
        "spent": usd(spent.microusd),
        "tokens": f"{spent.tokens:,}",
        "per problem": usd(spent.microusd // problems) if problems else "-",
    }


def _sum(counts: Mapping[str, int], keys: Sequence[str]) -> int:
    return sum(counts.get(key, 0) for key in keys)


def _finding_row(finding: QuestionFinding) -> dict[str, str]:
    return {
        "problem": finding.problem_id,
        "verdict": finding.verdict.value,
        "right": str(finding.verified),
        "proposed": finding.proposed or "-",
        "agreeing": str(finding.agreeing or "-"),
        "spent": usd(finding.cost.microusd),
    }
