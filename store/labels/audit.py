"""The label audit: finds problems whose attempts agree, by executed code, on an answer other than the label.

`store.labels.error_model` has the probabilities; docs/audit.md describes the method and its results.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Any, NamedTuple

from pydantic import Field
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from store.database.array_membership import in_array
from store.database.tables import ProblemRow, RolloutRow
from store.labels.error_model import PolicyModel, Votes, fit_policy_model, probability_wrong
from store.records import ExecutionRecord, Outcome, Purpose, Split, make_label
from store.rollouts.reading import read_rollouts
from store.rollouts.variants import SolutionKey
from store.settings import Settings

Equal = Callable[[str, str], bool]
"""Whether (expected answer, given answer) are equivalent. Passed in, because the store knows no mathematics."""

OnProgress = Callable[[int, int], None]
"""Called with (problems examined, problems in total)."""

_BATCH = 200  # problems whose attempts are in memory at a time
_FIT_PROBLEMS = 5_000  # the size of the random sample that the model is fitted to
_SHOWN = 5  # rollouts and answers in the evidence
_OK = "ok"  # the status of a block that ran to its end
_LAST_WORDS = 8  # the last words of an output, which may be the answer


class AuditSettings(Settings):
    """Thresholds for reporting a label.

    `min_score`: the minimum probability that it is wrong. `min_agreeing`: the minimum number of attempts that reach the
    other answer by code. `max_label_share`: the maximum share of attempts that reach the label. `prior`: the share of
    wrong labels in data sets of this kind. `split`: audit only this split.
    """

    min_score: float = Field(default=0.9, ge=0, le=1)
    min_agreeing: int = Field(default=3, ge=2)
    max_label_share: float = Field(default=0.1, ge=0, le=0.5)
    prior: float = Field(default=0.005, gt=0, lt=0.5)
    split: Split | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """A label that is likely wrong and the answer that is likely right; `score` is the probability.

    `evidence` is JSON: counts of attempts and of different programs, the policy versions, the most frequent answers
    with their counts, and the ids of example rollouts, each with a different program.
    """

    problem_id: str
    label: str
    proposed_answer: str
    score: float
    evidence: Mapping[str, Any]


def audit(
    session: Session, settings: AuditSettings, equal: Equal, on_progress: OnProgress = lambda done, total: None
) -> list[Proposal]:
    """The labels that are likely wrong, highest score first. Changes nothing in the store.

    Reads the attempts at problems that are missed more often than solved, and those at a random sample of problems, to
    fit the model of the policies. Demonstrations do not count: their teacher may have seen the label.
    """
    model = fit_policy_model(list(_sample_votes(session)), settings.prior)
    suspects = _suspects(session, settings)
    found: list[Proposal] = []
    examined = 0
    for batch in batched(suspects, _BATCH):
        for problem_id, attempts in _attempts(session, [problem_id for problem_id, _ in batch]).items():
            proposal = _examine(session, problem_id, dict(batch)[problem_id], attempts, model, settings, equal)
            if proposal is not None and proposal.score >= settings.min_score:
                found.append(proposal)
        examined += len(batch)
        on_progress(examined, len(suspects))
    return sorted(found, key=lambda proposal: (-proposal.score, proposal.problem_id))


class _Attempt(NamedTuple):
    """The columns of a rollout that the audit reads."""

    seq: int
    rollout_id: str
    accepted: bool
    answer: str
    program: SolutionKey
    policy_version: int | None


def _sample_votes(session: Session) -> Iterator[Votes]:
    """The votes of a random sample of problems. Answers are compared as text here: only frequencies matter."""
    query = select(ProblemRow.id).where(or_(ProblemRow.judged > 0, ProblemRow.split == Split.HELDOUT))
    sample = session.scalars(query.order_by(ProblemRow.shuffle_key).limit(_FIT_PROBLEMS)).all()
    for batch in batched(sample, _BATCH):
        for attempts in _attempts(session, batch).values():
            yield _votes(attempts, _leading(attempts, lambda expected, given: False))


def _suspects(session: Session, settings: AuditSettings) -> list[tuple[str, str]]:
    """(id, label) of problems to examine, by their counters; and all held-out ones, which have no counters."""
    missed = ProblemRow.judged - ProblemRow.accepted
    often_missed = (missed >= settings.min_agreeing) & (missed >= ProblemRow.accepted)
    query = select(ProblemRow.id, ProblemRow.answer).where(or_(often_missed, ProblemRow.split == Split.HELDOUT))
    if settings.split is not None:
        query = query.where(ProblemRow.split == settings.split)
    return [(problem_id, label) for problem_id, label in session.execute(query.order_by(ProblemRow.id))]


def _attempts(session: Session, problem_ids: Sequence[str]) -> dict[str, list[_Attempt]]:
    """The attempts whose answer was judged, by problem."""
    columns = RolloutRow.problem_id, RolloutRow.seq, RolloutRow.id, RolloutRow.outcome, RolloutRow.answer
    query = select(*columns, RolloutRow.sketch, RolloutRow.variant, RolloutRow.policy_version)
    query = query.where(in_array(RolloutRow.problem_id, problem_ids), RolloutRow.purpose != Purpose.DEMONSTRATION)
    query = query.where(RolloutRow.outcome.in_([Outcome.ACCEPTED, Outcome.WRONG]), RolloutRow.answer.is_not(None))
    attempts: dict[str, list[_Attempt]] = {}
    for problem_id, seq, rollout_id, outcome, answer, sketch, variant, version in session.execute(query):
        accepted, given = outcome is Outcome.ACCEPTED, (answer or "").strip()
        attempt = _Attempt(seq, rollout_id, accepted, given, SolutionKey(sketch, variant), version)
        attempts.setdefault(problem_id, []).append(attempt)
    return {problem_id: sorted(found) for problem_id, found in attempts.items()}


def _examine(
    session: Session,
    problem_id: str,
    label: str,
    attempts: Sequence[_Attempt],
    model: PolicyModel,
    settings: AuditSettings,
    equal: Equal,
) -> Proposal | None:
    agreeing = _leading(attempts, equal)
    reach_label = sum(attempt.accepted for attempt in attempts)
    if len(agreeing) < settings.min_agreeing or reach_label > settings.max_label_share * len(attempts):
        return None
    answer = Counter(attempt.answer for attempt in agreeing).most_common(1)[0][0]
    reached = _reached_by_code(session, agreeing, answer, equal)
    if len(reached) < settings.min_agreeing:
        return None
    votes = _votes(attempts, reached)
    score = probability_wrong(votes, model, settings.prior)
    return Proposal(problem_id, label, make_label([answer]), score, _evidence(votes, attempts, agreeing, reached))


def _leading(attempts: Sequence[_Attempt], equal: Equal) -> list[_Attempt]:
    """The attempts with the most frequent answer other than the label, in any equivalent form."""
    by_answer: dict[str, list[_Attempt]] = {}
    for attempt in attempts:
        if attempt.accepted:
            continue
        known = attempt.answer in by_answer or not by_answer
        form = attempt.answer if known else next((f for f in by_answer if equal(f, attempt.answer)), attempt.answer)
        by_answer.setdefault(form, []).append(attempt)
    return max(by_answer.values(), key=len, default=[])


def _votes(attempts: Sequence[_Attempt], leading: Sequence[_Attempt]) -> Votes:
    accepted = [attempt for attempt in attempts if attempt.accepted]
    programs, label_programs = (len({attempt.program for attempt in group}) for group in (leading, accepted))
    return Votes(len(attempts), len(leading), programs, len(accepted), label_programs)


def _reached_by_code(session: Session, attempts: Sequence[_Attempt], answer: str, equal: Equal) -> list[_Attempt]:
    """The attempts whose answer is the result of a code block, rather than only stated in prose."""
    rollouts = read_rollouts(session, [in_array(RolloutRow.seq, [attempt.seq for attempt in attempts])])
    reached = {one.id for one in rollouts if any(_outputs(block, answer, equal) for block in one.executions)}
    return [attempt for attempt in attempts if attempt.rollout_id in reached]


def _outputs(execution: ExecutionRecord, answer: str, equal: Equal) -> bool:
    """Whether the answer is the value, the last line of the output, or one of that line's last words."""
    if execution.status != _OK:
        return False
    line = next((line for line in reversed(execution.stdout.splitlines()) if line.strip()), "").strip()
    words = [word.strip(",.:;$()[]'\"") for word in line.split()[-_LAST_WORDS:]]
    results = dict.fromkeys((execution.value or "", line, *reversed(words)))
    return answer in results or any(equal(answer, text) for text in results if text)


def _evidence(
    votes: Votes, attempts: Sequence[_Attempt], agreeing: Sequence[_Attempt], reached: Sequence[_Attempt]
) -> dict[str, Any]:
    examples = list({attempt.program: attempt.rollout_id for attempt in reversed(reached)}.values())
    answers = Counter(attempt.answer for attempt in attempts).most_common(_SHOWN)
    return {
        "attempts": votes.attempts,
        "agreeing": len(agreeing),
        "reached_by_code": votes.leading,
        "programs": votes.programs,
        "label_attempts": votes.label,
        "policy_versions": sorted({a.policy_version for a in reached if a.policy_version is not None}),
        "answers": dict(answers),
        "rollouts": examples[:_SHOWN],
    }
