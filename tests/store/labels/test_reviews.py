"""Reviews: corrections proposed, rejected and accepted, and what an accepted one does to the stored rollouts."""

from collections.abc import Mapping, Sequence

import pytest
from sqlalchemy import text

from store.database.connection import transaction
from store.errors import InvalidProblemError, ReviewDecidedError, UnknownRecordError
from store.labels.audit import Proposal
from store.records import Outcome, Purpose, ReviewStatus, Sampling
from store.store import Store

ANSWERS = ("1", "7", "7.0", "9", "gibberish")
OUTCOMES = (Outcome.ACCEPTED, Outcome.WRONG, Outcome.WRONG, Outcome.WRONG, Outcome.UNVERIFIABLE)


def judge(label: str, answers: Sequence[str]) -> Mapping[str, Outcome]:
    """Compares numbers; other answers are unverifiable."""
    verdicts = {}
    for answer in answers:
        try:
            verdicts[answer] = Outcome.ACCEPTED if float(answer) == float(label) else Outcome.WRONG
        except ValueError:
            verdicts[answer] = Outcome.UNVERIFIABLE
    return verdicts


@pytest.fixture
def attempted(filled: Store, make) -> Store:
    """Problem p1 with label "1", attempts with each of `ANSWERS`, and a demonstration with the label as its answer."""
    filled.iterations.schedule(1, 20, 6, Sampling())
    (assignment,) = [a for a in filled.assignments.lease("test", 200, 60).assignments if a.problem.id == "p1"]
    filled.rollouts.add(
        make.attempt(assignment, sample, outcome, answer=answer)
        for sample, (answer, outcome) in enumerate(zip(ANSWERS, OUTCOMES, strict=True))
    )
    filled.rollouts.add([make.demonstration("one", "p1", "print(1)")])
    return filled


@pytest.fixture
def review(attempted: Store) -> int:
    attempted.labels.propose([Proposal("p1", "1", "7", 0.97, {"attempts": 5})], by="audit")
    (opened,) = attempted.labels.reviews(ReviewStatus.OPEN)
    return opened.id


def outcomes(store: Store) -> dict[str, Outcome]:
    return {rollout.id: rollout.outcome for rollout in store.rollouts.iterate(problem_id="p1")}


def test_an_accepted_correction_changes_the_label_and_judges_the_rollouts_by_it(attempted: Store, review: int) -> None:
    rescored = attempted.labels.accept(review, "ada", "four programs agree", judge)

    assert attempted.problems.get("p1").answer == "7"
    assert sorted(outcomes(attempted).values()) == sorted(
        [Outcome.WRONG, Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.WRONG, Outcome.UNVERIFIABLE, Outcome.WRONG]
    )
    assert (rescored.rollouts, rescored.accepted, rescored.rejected) == (6, 2, 2)
    (change,) = attempted.labels.history("p1")
    assert (change.old_answer, change.new_answer, change.changed_by) == ("1", "7", "ada")
    assert (change.reason, change.review_id) == ("four programs agree", review)


def test_training_takes_what_the_correction_made_right(attempted: Store, review: int) -> None:
    attempted.labels.accept(review, "ada", "seen", judge)

    chosen = attempted.training_sets.samples(attempted.training_sets.select(2))

    assert sorted(rollout.answer or "" for rollout in chosen) == ["7", "7.0"]


@pytest.mark.parametrize("outcome", [Outcome.UNDECIDED, Outcome.UNVERIFIABLE])
def test_rollouts_without_a_verdict_are_judged_by_the_new_label_and_count_then(
    filled: Store, make, outcome: Outcome
) -> None:
    filled.iterations.schedule(1, 20, 6, Sampling())
    (assignment,) = [a for a in filled.assignments.lease("test", 200, 60).assignments if a.problem.id == "p1"]
    answers = ("7", "9", "gibberish")
    filled.rollouts.add(make.attempt(assignment, i, outcome, answer=answer) for i, answer in enumerate(answers))
    assert pass_rate(filled) == (0, 0)
    filled.labels.propose([Proposal("p1", "1", "7", 0.97, {})], by="audit")
    (opened,) = filled.labels.reviews(ReviewStatus.OPEN)

    rescored = filled.labels.accept(opened.id, "ada", "seen", judge)

    assert (rescored.rollouts, rescored.accepted, rescored.rejected) == (3, 1, 1)
    assert pass_rate(filled) == (2, 1)


def test_rollouts_that_lose_their_verdict_count_no_more(attempted: Store, review: int) -> None:
    before = pass_rate(attempted)

    rescored = attempted.labels.accept(
        review, "ada", "seen", lambda label, answers: dict.fromkeys(answers, Outcome.UNVERIFIABLE)
    )

    assert (before, pass_rate(attempted)) == ((4, 1), (0, 0))
    assert (rescored.accepted, rescored.rejected) == (0, 0)


def pass_rate(store: Store) -> tuple[int, ...]:
    """(judged, accepted) of problem p1."""
    with transaction(store._database.engine, write=False) as session:
        return tuple(session.execute(text("SELECT judged, accepted FROM problems WHERE id = 'p1'")).one())


def test_accepting_again_changes_nothing(attempted: Store, review: int) -> None:
    attempted.labels.accept(review, "ada", "seen", judge)
    before = outcomes(attempted)

    again = attempted.labels.accept(review, "bob", "seen too", judge)

    assert (again.accepted, again.rejected) == (0, 0)
    assert outcomes(attempted) == before
    assert len(attempted.labels.history("p1")) == 1
    assert attempted.labels.review(review).decided_by == "ada"


def test_accepting_again_judges_a_rollout_that_came_late_with_the_old_label(
    attempted: Store,
    review: int,
    make,
) -> None:
    attempted.labels.accept(review, "ada", "seen", judge)
    (assignment,) = {
        r.assignment_id for r in attempted.rollouts.iterate(problem_id="p1") if r.assignment_id is not None
    }
    late = make.rollout(f"{assignment}-5", "p1", Purpose.TRAIN, Outcome.ACCEPTED, "print('late')", "1", assignment, 1)
    attempted.rollouts.add([late])

    again = attempted.labels.accept(review, "ada", "seen", judge)

    assert (again.accepted, again.rejected) == (0, 1)
    assert outcomes(attempted)[late.id] is Outcome.WRONG


def test_an_answer_that_comes_while_others_are_judged_is_judged_too(attempted: Store, review: int, make) -> None:
    (assignment,) = {
        r.assignment_id for r in attempted.rollouts.iterate(problem_id="p1") if r.assignment_id is not None
    }
    late = make.rollout(f"{assignment}-5", "p1", Purpose.TRAIN, Outcome.WRONG, "print('late')", "14/2", assignment, 1)

    def slow_judge(label: str, answers: Sequence[str]) -> Mapping[str, Outcome]:
        attempted.rollouts.add([late])
        return {answer: Outcome.ACCEPTED if answer == "14/2" else Outcome.WRONG for answer in answers}

    attempted.labels.accept(review, "ada", "seen", slow_judge)

    assert outcomes(attempted)[late.id] is Outcome.ACCEPTED


def test_nothing_is_changed_where_judging_fails(attempted: Store, review: int) -> None:
    def broken(label: str, answers: Sequence[str]) -> Mapping[str, Outcome]:
        raise RuntimeError("no sandbox")

    before = outcomes(attempted)
    with pytest.raises(RuntimeError):
        attempted.labels.accept(review, "ada", "seen", broken)

    assert outcomes(attempted) == before
    assert attempted.labels.review(review).status is ReviewStatus.OPEN


def test_a_rejected_correction_leaves_the_label_and_is_not_proposed_again(attempted: Store, review: int) -> None:
    attempted.labels.reject(review, "ada", "the question says so")

    assert attempted.problems.get("p1").answer == "1"
    assert attempted.labels.propose([Proposal("p1", "1", "7", 0.99, {})], by="audit") == 0
    assert attempted.labels.review_counts() == {"open": 0, "accepted": 0, "rejected": 1}
    with pytest.raises(ReviewDecidedError, match="rejected by ada: the question says so"):
        attempted.labels.accept(review, "bob", "no", judge)


def test_an_accepted_correction_cannot_be_rejected(attempted: Store, review: int) -> None:
    attempted.labels.accept(review, "ada", "seen", judge)

    with pytest.raises(ReviewDecidedError, match="accepted by ada"):
        attempted.labels.reject(review, "bob", "no")


def test_an_open_review_is_brought_up_to_date(attempted: Store, review: int) -> None:
    assert attempted.labels.propose([Proposal("p1", "1", "7", 0.995, {"attempts": 9})], by="audit") == 0

    assert attempted.labels.review(review).score == 0.995
    assert attempted.labels.review(review).evidence == {"attempts": 9}


def test_other_proposals_for_the_problem_end_with_the_accepted_one(attempted: Store, review: int) -> None:
    attempted.labels.propose([Proposal("p1", "1", "9", 0.92, {})], by="audit")

    attempted.labels.accept(review, "ada", "seen", judge)

    assert attempted.labels.review_counts() == {"open": 0, "accepted": 1, "rejected": 1}


def test_a_label_that_was_changed_otherwise_stops_a_correction(attempted: Store, review: int) -> None:
    attempted.labels.change("p1", "8", "eve", "from the book")

    with pytest.raises(ReviewDecidedError, match="has changed since"):
        attempted.labels.accept(review, "ada", "seen", judge)
    assert attempted.problems.get("p1").answer == "8"


def test_a_proposal_about_a_label_that_is_gone_is_not_opened(attempted: Store) -> None:
    assert attempted.labels.propose([Proposal("p1", "no more", "7", 0.99, {})], by="audit") == 0


def test_a_decision_needs_a_name_and_a_reason(attempted: Store, review: int) -> None:
    for by, reason in (("", "seen"), ("ada", " ")):
        with pytest.raises(InvalidProblemError, match="needs a name and a reason"):
            attempted.labels.reject(review, by, reason)


def test_an_unknown_review_is_named(store: Store) -> None:
    with pytest.raises(UnknownRecordError, match="no review 7"):
        store.labels.review(7)
