"""What the attempts at a problem say together: whether they verify its label, or agree on something else."""

from collections.abc import Sequence

from sandbox.equivalence import AnswerChecker, Verdict
from store.labels.audit import Proposal
from store.records import Outcome, Problem, QuestionFinding, QuestionVerdict, TeacherAttempt

_AGREEING = 2
AUTHOR = "annotate"
"""The author of the reviews that annotation opens."""


async def finding_of(problem: Problem, attempts: Sequence[TeacherAttempt], checker: AnswerChecker) -> QuestionFinding:
    """What ended attempts say of a problem. Raises AnswerCheckFailed if answers cannot be compared."""
    verified = sum(attempt.outcome is Outcome.ACCEPTED for attempt in attempts)
    others = [attempt.answer for attempt in attempts if attempt.outcome is Outcome.WRONG and attempt.answer]
    proposed, agreeing = await _largest_group(others, checker)
    if agreeing >= _AGREEING:
        return QuestionFinding(problem.id, QuestionVerdict.DISPUTED, verified, proposed, agreeing)
    verdict = QuestionVerdict.VERIFIED if verified else QuestionVerdict.UNSOLVED
    return QuestionFinding(problem.id, verdict, verified)


def proposal_of(problem: Problem, finding: QuestionFinding, model: str, attempts: int) -> Proposal | None:
    """The correction to propose to a person: where attempts agree against the label, and none reached it.

    The score is the share of the attempts that agree, not a probability: a teacher may repeat an error.
    """
    if finding.verdict is not QuestionVerdict.DISPUTED or finding.verified or finding.proposed is None:
        return None
    evidence = {"teacher": model, "attempts": attempts, "agreeing": finding.agreeing}
    return Proposal(problem.id, problem.answer, finding.proposed, finding.agreeing / attempts, evidence)


async def _largest_group(answers: Sequence[str], checker: AnswerChecker) -> tuple[str | None, int]:
    """The answer that most of these are equal to, and their number."""
    groups: list[list[str]] = []
    for answer in answers:
        for group in groups:
            if await checker.check(group[0], answer) is Verdict.EQUAL:
                group.append(answer)
                break
        else:
            groups.append([answer])
    largest = max(groups, key=len, default=[])
    return (largest[0], len(largest)) if largest else (None, 0)
