"""Collected completions, their ratings, and the problems that they become."""

from dataclasses import replace

import pytest

from store.database.connection import transaction
from store.errors import InvalidProblemError, ReviewDecidedError, UnknownRecordError
from store.feedback import collecting
from store.problems.sources.rows.splitting import question_key
from store.records import CollectedAnswer, Completion, Problem, Rating, ReviewStatus, Split
from store.store import Store

QUESTION = "How many marbles do Tom and his sister Anna have together if each of them has nine?"


def completion(name: str = "chatcmpl-1", question: str = QUESTION, **changes) -> Completion:
    answers = (
        CollectedAnswer("so \\boxed{18}", "18", "stop", 3),
        CollectedAnswer("Tom has", None, "length", 4),
    )
    messages = ({"role": "system", "content": "Be brief."}, {"role": "user", "content": question})
    made = Completion(name, "automathes/run@v3", messages, {"temperature": 0.7}, 5.0, answers)
    return replace(made, **changes)


def test_texts_that_databases_refuse_are_kept_without_what_they_refuse(store: Store) -> None:
    answer = CollectedAnswer("a\0b", "\0", "stop", 1)
    store.feedback.collect([completion(question="a\0?", answers=(answer,))])
    found = store.feedback.get(1).completion
    assert (found.question, found.answers[0].content, found.answers[0].answer) == ("a\ufffd?", "a\ufffdb", "\ufffd")


@pytest.fixture
def rated(store: Store) -> Store:
    store.feedback.collect([completion()])
    store.feedback.rate(Rating("chatcmpl-1", 0, 1))
    return store


def test_a_completion_is_kept_as_it_was(store: Store, clock) -> None:
    assert store.feedback.collect([completion()]) == 1
    assert store.feedback.collect([completion(), completion("chatcmpl-2")]) == 1

    first = store.feedback.get(1)
    assert (first.completion, first.status, first.problem_id) == (completion(), ReviewStatus.OPEN, None)
    assert store.feedback.counts() == {"unrated": 2, "open": 0, "accepted": 0, "rejected": 0}
    assert store.feedback.collected(ReviewStatus.OPEN) == []
    assert len(store.feedback.collected()) == 2


def test_the_latest_rating_of_a_choice_counts(store: Store, clock) -> None:
    store.feedback.collect([completion(), completion("chatcmpl-2")])
    store.feedback.rate(Rating("chatcmpl-2", 0, -1, "19", "Anna has ten"))
    store.feedback.rate(Rating("chatcmpl-2", 0, 1))
    store.feedback.rate(Rating("chatcmpl-2", 1, -1))

    (found,) = store.feedback.collected(ReviewStatus.OPEN)
    ratings = [(answer.rating, answer.right_answer, answer.comment) for answer in found.completion.answers]
    assert ratings == [(1, None, None), (-1, None, None)]
    assert found.completion.answers[0].rated_at == clock.now_s
    assert found.completion.proposed_answer == "18"


def test_a_named_answer_is_proposed_before_a_praised_one(rated: Store) -> None:
    rated.feedback.rate(Rating("chatcmpl-1", 1, -1, "20"))
    assert rated.feedback.get(1).completion.proposed_answer == "20"


@pytest.mark.parametrize(
    ("rating", "message"),
    [(Rating("chatcmpl-9", 0, 1), "no completion 'chatcmpl-9'"), (Rating("chatcmpl-1", 2, 1), "has 2 choices")],
)
def test_what_was_not_collected_cannot_be_rated(rated: Store, rating: Rating, message: str) -> None:
    with pytest.raises(UnknownRecordError, match=message):
        rated.feedback.rate(rating)


def test_an_accepted_completion_becomes_a_training_problem(rated: Store) -> None:
    for _ in range(2):
        found = rated.feedback.accept(1, "18", "ada", "counted")
        assert (found.status, found.decided_by, found.reason) == (ReviewStatus.ACCEPTED, "ada", "counted")

    (problem,) = rated.problems.iterate()
    assert (problem.id, problem.question, problem.answer) == (found.problem_id, QUESTION, "18")
    assert (problem.source, problem.split) == ("feedback", Split.TRAIN)
    with pytest.raises(ReviewDecidedError, match="accepted by ada"):
        rated.feedback.accept(1, "19", "bob", "no")
    with pytest.raises(ReviewDecidedError, match="accepted by ada"):
        rated.feedback.reject(1, "bob", "no")


def test_a_rejected_completion_becomes_no_problem(rated: Store) -> None:
    for _ in range(2):
        assert rated.feedback.reject(1, "ada", "unclear").status is ReviewStatus.REJECTED
    with pytest.raises(ReviewDecidedError, match="rejected by ada: unclear"):
        rated.feedback.accept(1, "18", "ada", "counted")
    assert list(rated.problems.iterate()) == []


HELDOUT = [
    (QUESTION.upper(), question_key(QUESTION), "the same as the held-out problem h1"),
    (f"{QUESTION} Tell us.", "other", "a near-duplicate of the held-out problem h1"),
    (QUESTION.replace("nine", "1204").replace("Anna", "Berta"), "other", "a template twin of the held-out problem h1"),
]


@pytest.mark.parametrize(("heldout", "key", "message"), HELDOUT)
def test_no_relative_of_a_held_out_problem_is_trained_on(store: Store, heldout: str, key: str, message: str) -> None:
    store.problems.add([Problem("h1", heldout, "18", "test", Split.HELDOUT, key)])
    store.feedback.collect([completion()])

    found = store.feedback.accept(1, "18", "ada", "counted")

    assert found.status is ReviewStatus.REJECTED
    assert message in str(found.reason)
    assert store.problems.counts()["train"] == 0


@pytest.mark.parametrize("question", ["What is 6 * 7?", "6 * 7 ="])
def test_a_generated_held_out_problem_with_the_same_words_is_recognised(store: Store, question: str) -> None:
    heldout = Problem("g1", question, "42", "reasoning_gym/basic_arithmetic", Split.HELDOUT, "basic_arithmetic:6,7")
    store.problems.add([heldout])
    store.feedback.collect([completion(question=question)])

    assert store.feedback.accept(1, "42", "ada", "counted").status is ReviewStatus.REJECTED
    assert store.problems.counts()["train"] == 0


def test_a_known_question_is_refused(rated: Store) -> None:
    rated.feedback.accept(1, "18", "ada", "counted")
    rated.feedback.collect([completion("chatcmpl-2")])
    found = rated.feedback.accept(2, "20", "ada", "counted")
    assert found.status is ReviewStatus.REJECTED
    assert f"that of problem {rated.feedback.get(1).problem_id}" in str(found.reason)


def test_a_question_that_continues_a_conversation_is_no_problem(store: Store) -> None:
    turns = ({"role": "user", "content": "Hi"}, {"role": "assistant", "content": "?"}, *completion().messages)
    store.feedback.collect([completion(messages=turns)])
    with pytest.raises(InvalidProblemError, match="must stand alone"):
        store.feedback.accept(1, "18", "ada", "counted")


@pytest.mark.parametrize("answer", ["", "see solution", "a\0b"])
def test_an_answer_that_is_none_is_refused(rated: Store, answer: str) -> None:
    with pytest.raises(InvalidProblemError, match="completion 1: "):
        rated.feedback.accept(1, answer, "ada", "counted")
    assert rated.feedback.get(1).status is ReviewStatus.OPEN


def test_the_oldest_are_pruned_unless_they_became_problems(store: Store) -> None:
    store.feedback.collect([completion(f"chatcmpl-{i}", f"{i} {QUESTION} {i}" * i) for i in range(1, 13)])
    for number in (1, 2, 3):
        store.feedback.rate(Rating(f"chatcmpl-{number}", 0, 1))
    store.feedback.accept(1, "18", "ada", "counted")
    store.feedback.reject(2, "ada", "no")

    with transaction(store._database.engine, write=True) as session:
        collecting.prune(session, keep=4, keep_rated=10)

    kept = sorted(found.number for found in store.feedback.collected())
    assert kept == [1, 3, 9, 10, 11, 12]
    assert store.feedback.get(1).completion.answers
