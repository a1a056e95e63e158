"""What came of annotation, as JSON."""

from typing import Any

from actors.annotation.progress import JobProgress
from store.records import AnnotationSummary, QuestionFinding


def dollars(microusd: int) -> str:
    """An amount of millionths of a dollar in dollars, exactly."""
    whole, rest = divmod(microusd, 1_000_000)
    return f"{whole}.{rest:06d}"


def summary_record(summary: AnnotationSummary) -> dict[str, Any]:
    """A job in figures. Amounts of money are texts: floating point would not keep them exact."""
    job = summary.job
    problems = sum(summary.questions.values())
    return {
        "job": job.id,
        "model": job.model,
        "settings": {name: value for name, value in job.settings.items() if name != "instruction"},
        "problems": problems,
        "verdicts": dict(summary.questions),
        "attempts": dict(summary.attempts),
        "failed": summary.failed,
        "kept": summary.kept,
        "requests": dict(summary.requests),
        "spent_usd": dollars(job.spending.spent.microusd),
        "reserved_usd": dollars(job.spending.reserved.microusd),
        "spent_tokens": job.spending.spent.tokens,
        "reserved_tokens": job.spending.reserved.tokens,
        "usd_per_problem": dollars(job.spending.spent.microusd // problems) if problems else None,
    }


def finding_record(finding: QuestionFinding) -> dict[str, Any]:
    """What a job found about a problem."""
    return {
        "problem": finding.problem_id,
        "verdict": finding.verdict.value,
        "verified": finding.verified,
        "proposed": finding.proposed,
        "agreeing": finding.agreeing,
        "spent_usd": dollars(finding.cost.microusd),
        "spent_tokens": finding.cost.tokens,
    }


def start_record(progress: JobProgress) -> dict[str, Any]:
    """What this start of a job did."""
    return {
        "turns": progress.turns,
        "attempts": dict(progress.outcomes),
        "failures": dict(progress.failures),
        "left_unanswered": progress.left_unanswered,
        "budget_is_spent": progress.budget_is_spent,
        "stopped": progress.is_stopped,
    }
