"""Which candidates are trained on: those whose label enough attempts reached, or a person decided on."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import NamedTuple

from store.labels.audit import Equal, Proposal
from store.labels.reviews import Review
from store.records import Problem, ReviewStatus
from store.store import Store

AUTHOR = "augment"
"""The author of the reviews that the confirmation opens."""


class CandidateVerdict(StrEnum):
    """What is known of a candidate.

    `confirmed`: enough attempts reached its label and no other answer has as many, or a person decided on the label.
    `disputed`: enough attempts agree on another answer, so that people must decide. `open`: neither.
    """

    CONFIRMED = "confirmed"
    DISPUTED = "disputed"
    OPEN = "open"


class Finding(NamedTuple):
    """The verdict on a candidate, the attempts that reached its label, and the other answer that most agree on."""

    verdict: CandidateVerdict
    reached: int
    proposed: str | None = None
    agreeing: int = 0


def judge(problem: Problem, answers: Sequence[str], agree: int, equal: Equal) -> Finding:
    """What attempts with these answers say of a candidate.

    Args:
        problem: the candidate.
        answers: of all attempts that ended with one.
        agree: how many must agree.
        equal: whether (expected answer, given answer) are equivalent.
    """
    groups: list[list[str]] = []
    reached = 0
    for answer in answers:
        if any(equal(label, answer) for label in problem.accepted_answers):
            reached += 1
            continue
        group = next((one for one in groups if equal(one[0], answer)), None)
        if group is None:
            groups.append([answer])
        else:
            group.append(answer)
    other = max(groups, key=len, default=[])
    if len(other) >= agree and len(other) >= reached:
        return Finding(CandidateVerdict.DISPUTED, reached, other[0], len(other))
    return Finding(CandidateVerdict.CONFIRMED if reached >= agree else CandidateVerdict.OPEN, reached)


def confirm_candidates(
    store: Store, agree: int, equal: Equal, on_progress: Callable[[int], None] = lambda done: None
) -> dict[str, int]:
    """Make confirmed candidates training problems, and open a review for each disputed one; returns the counts.

    `reviews` counts those that are new. Each page is stored before the next is read: an interruption loses nothing.
    """
    counts = {verdict.value: 0 for verdict in CandidateVerdict} | {"reviews": 0}
    done = 0
    for page in store.problems.candidates():
        answers = store.annotations.answers([problem.id for problem in page])
        confirmed: list[str] = []
        proposals: list[Proposal] = []
        for problem in page:
            finding = judge(problem, answers.get(problem.id, ()), agree, equal)
            if finding.verdict is CandidateVerdict.DISPUTED and _is_decided(store, problem):
                finding = finding._replace(verdict=CandidateVerdict.CONFIRMED)
            counts[finding.verdict] += 1
            if finding.verdict is CandidateVerdict.CONFIRMED:
                confirmed.append(problem.id)
            elif finding.proposed is not None and not store.labels.reviews(ReviewStatus.OPEN, 1, problem.id):
                proposals.append(_proposal(problem, finding, len(answers[problem.id])))
        store.problems.confirm(confirmed)
        counts["reviews"] += store.labels.propose(proposals, AUTHOR)
        done += len(page)
        on_progress(done)
    return counts


def _is_decided(store: Store, problem: Problem) -> bool:
    """Whether a person decided that the label is as it is now."""
    return any(_settles(review, problem) for review in store.labels.reviews(problem_id=problem.id))


def _settles(review: Review, problem: Problem) -> bool:
    if review.status is ReviewStatus.ACCEPTED:
        return review.proposed_answer == problem.answer
    return review.status is ReviewStatus.REJECTED and review.label == problem.answer


def _proposal(problem: Problem, finding: Finding, attempts: int) -> Proposal:
    """The correction to propose. Its score is the share of the attempts that agree, not a probability."""
    assert finding.proposed is not None
    evidence = {"method": problem.made_by, "attempts": attempts, "agreeing": finding.agreeing}
    return Proposal(problem.id, problem.answer, finding.proposed, finding.agreeing / attempts, evidence)
