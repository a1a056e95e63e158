"""Confirmation: which candidates are trained on, by the attempts at them and by what people decided."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from actors.augmentation.confirmation import CandidateVerdict, confirm_candidates, judge
from store.records import Outcome, Problem, ReviewStatus, Split
from store.store import Store

TEXT = "A baker has 24 square loaves and bakes x more each hour. After an hour there are 36: what is x?"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    parent = Problem("p", "A baker has 24 square loaves and bakes a dozen. How many?", "36", "s", Split.TRAIN, "parent")
    made = Problem("c", TEXT, "12", "s+fobar", Split.CANDIDATE, "made", parent_key="parent", made_by="fobar")
    with Store.open(f"sqlite:///{tmp_path}/store.db") as store:
        store.problems.add([parent, made])
        yield store


def equal(expected: str, given: str) -> bool:
    return float(expected) == float(given)


def attempt(store: Store, *answers: str) -> None:
    """End an attempt at the candidate with each answer, of a job of its own."""
    job = store.annotations.open_job(" ".join(answers), "teacher", {"solution_format": "tir"})
    store.annotations.next_questions(job.id, (0.0,) * len(answers), split=Split.CANDIDATE)
    for one, answer in zip(store.annotations.attempts(job.id, "c", len(answers)), answers, strict=True):
        store.annotations.finish(one.id, Outcome.WRONG, answer, None, keep=4)


def confirm(store: Store, agree: int = 2) -> dict[str, int]:
    return confirm_candidates(store, agree, equal)


@pytest.mark.parametrize(
    ("answers", "verdict"),
    [
        ([], CandidateVerdict.OPEN),
        (["12"], CandidateVerdict.OPEN),
        (["12", "12.0"], CandidateVerdict.CONFIRMED),
        (["12", "12", "13"], CandidateVerdict.CONFIRMED),
        (["12", "12", "12", "13", "13"], CandidateVerdict.CONFIRMED),
        (["13", "14"], CandidateVerdict.OPEN),
        (["13", "13.0", "12"], CandidateVerdict.DISPUTED),
        (["13", "13", "12", "12"], CandidateVerdict.DISPUTED),
    ],
)
def test_the_majority_of_attempts_decides_from_the_threshold_on(store, answers: Sequence[str], verdict):
    assert judge(store.problems.get("c"), answers, 2, equal).verdict is verdict


def test_a_candidate_whose_label_two_attempts_reach_is_trained_on(store):
    attempt(store, "12", "12.0")
    assert confirm(store) == {"confirmed": 1, "disputed": 0, "open": 0, "reviews": 0}
    assert store.problems.get("c").split is Split.TRAIN


def test_attempts_of_several_jobs_count_together_and_the_threshold_can_be_higher(store):
    attempt(store, "12")
    assert confirm(store)["open"] == 1
    attempt(store, "12.0", "11")
    assert confirm(store, agree=3)["open"] == 1
    assert confirm(store)["confirmed"] == 1


def test_a_candidate_with_another_answer_is_under_review_once_and_not_trained_on(store):
    attempt(store, "13", "13")
    assert confirm(store) == {"confirmed": 0, "disputed": 1, "open": 0, "reviews": 1}
    assert confirm(store)["reviews"] == 0
    (review,) = store.labels.reviews(ReviewStatus.OPEN)
    assert (review.problem_id, review.label, review.proposed_answer) == ("c", "12", "13")
    assert store.problems.get("c").split is Split.CANDIDATE


@pytest.mark.parametrize("accept", [True, False])
def test_what_a_person_decides_on_a_disputed_candidate_holds(store, accept):
    attempt(store, "13", "13")
    confirm(store)
    (review,) = store.labels.reviews(ReviewStatus.OPEN)
    if accept:
        store.labels.accept(review.id, "a person", "checked", lambda label, answers: {})
    else:
        store.labels.reject(review.id, "a person", "checked")
    assert confirm(store)["confirmed"] == 1
    problem = store.problems.get("c")
    assert (problem.split, problem.answer) == (Split.TRAIN, "13" if accept else "12")


def test_a_candidate_that_was_excluded_is_not_confirmed(store):
    attempt(store, "12", "12")
    store.problems.add([Problem("h", "The test set's own words.", "36", "s", Split.HELDOUT, "parent")])
    assert confirm(store)["confirmed"] == 0
    assert store.problems.get("c").split is Split.EXCLUDED
