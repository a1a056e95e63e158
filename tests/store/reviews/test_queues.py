"""What is put into the queues, in which order, and who gets which item."""

import threading
from collections import Counter

import pytest
from sqlalchemy import text

from store.database.connection import transaction
from store.errors import ReviewTakenError, UnknownRecordError
from store.labels.audit import Proposal
from store.records import (
    ReviewKind,
    ReviewLease,
    ReviewOrder,
    ReviewQueue,
    ReviewReason,
    ReviewVerdict,
    Sampling,
    Split,
)
from store.reviews.decisions import NewDecision
from store.reviews.leases import Wanted
from store.reviews.settings import ReviewSettings
from store.store import Store

from .conftest import ONE_DATABASE, SETTINGS

CHECKS, DOUBTS, LABELS = (Wanted(queue) for queue in (ReviewQueue.CHECKS, ReviewQueue.DOUBTS, ReviewQueue.LABELS))


def take(store: Store, reviewer: str, token: str, wanted: Wanted = CHECKS, lease_s: float = 60.0) -> ReviewLease:
    lease = store.reviews.take(reviewer, token, wanted, lease_s)
    assert lease is not None
    return lease


def test_accepted_solutions_are_checked_and_others_are_in_doubt(queued: Store) -> None:
    items = [one.item for one in queued.reviews.export()]
    assert Counter((one.queue, one.reason) for one in items) == {
        (ReviewQueue.CHECKS, ReviewReason.SPOT_CHECK): 5,
        (ReviewQueue.DOUBTS, ReviewReason.UNSUPPORTED): 5,
        (ReviewQueue.DOUBTS, ReviewReason.UNDECIDED): 5,
    }
    assert queued.reviews.fill(SETTINGS) == 0


@ONE_DATABASE
def test_a_share_of_the_accepted_solutions_is_checked_and_always_the_same(attempted: Store) -> None:
    assert attempted.reviews.fill(ReviewSettings(check_share=0.0)) == 10
    assert attempted.reviews.fill(ReviewSettings(check_share=0.0)) == 0


@ONE_DATABASE
def test_a_full_queue_takes_no_more(attempted: Store) -> None:
    assert attempted.reviews.fill(ReviewSettings(check_share=1.0, max_open=2)) == 4


@ONE_DATABASE
def test_attempts_at_held_out_problems_are_never_offered(filled: Store, make) -> None:
    filled.evaluations.schedule(1, "heldout", sampling=Sampling(0.0), split=Split.HELDOUT)
    leased = filled.assignments.lease("test", 40, 60, 1).assignments
    assert {one.problem.split for one in leased} == {Split.HELDOUT}
    filled.rollouts.add(make.attempt(assignment, 0) for assignment in leased)
    assert filled.reviews.fill(SETTINGS) == 0


def test_a_label_in_doubt_is_worth_the_attempts_that_hang_on_it(attempted: Store) -> None:
    evidence = {"attempts": 8, "answers": {"7": 6, "1": 2}}
    attempted.labels.propose(
        [Proposal("p0", "0", "7", 0.5, evidence), Proposal("p1", "1", "7", 0.95, evidence)], "audit"
    )
    attempted.reviews.fill(SETTINGS)

    first = take(attempted, "ada", "t1", LABELS).item
    assert (first.kind, first.problem_id) == (ReviewKind.LABEL, "p0")
    assert (first.doubt, first.value) == (1.0, 8.0)
    assert first.disagreement == pytest.approx(0.8112781)
    second = take(attempted, "ada", "t2", LABELS).item
    assert second.doubt == pytest.approx(0.2863970)


def test_a_label_that_was_decided_elsewhere_is_withdrawn(attempted: Store) -> None:
    attempted.labels.propose([Proposal("p0", "0", "7", 0.9, {})], "audit")
    attempted.reviews.fill(SETTINGS)
    attempted.labels.reject(1, "ada", "as in the book")
    attempted.reviews.fill(SETTINGS)
    assert attempted.reviews.take("ada", "t1", LABELS, 60.0) is None


def test_queues_are_in_the_order_that_is_asked_for(queued: Store) -> None:
    for order in ReviewOrder:
        seen = []
        beside = None
        while lease := queued.reviews.take(
            "ada", f"{order}{len(seen)}", Wanted(ReviewQueue.DOUBTS, order, beside), 60.0
        ):
            seen.append(getattr(lease.item, order.value))
            beside = lease.item.id
            queued.reviews.release(lease.token)
        assert len(seen) == 10
        assert seen == sorted(seen, reverse=True)


@ONE_DATABASE
def test_one_goes_forwards_and_back_without_deciding(queued: Store) -> None:
    first = take(queued, "ada", "t1")
    queued.reviews.release("t1")
    second = take(queued, "ada", "t2", Wanted(ReviewQueue.CHECKS, beside=first.item.id))
    queued.reviews.release("t2")
    back = Wanted(ReviewQueue.CHECKS, beside=second.item.id, is_backwards=True)
    assert take(queued, "ada", "t3", back).item.id == first.item.id
    assert (
        queued.reviews.take("ada", "t4", Wanted(ReviewQueue.CHECKS, beside=first.item.id, is_backwards=True), 60)
        is None
    )


def test_two_pages_of_a_reviewer_never_have_the_same_item(queued: Store) -> None:
    items = {take(queued, "ada", f"t{number}").item.id for number in range(5)}
    assert len(items) == 5
    assert queued.reviews.take("ada", "t5", CHECKS, 60.0) is None
    assert take(queued, "bob", "t6").item.id in items


def test_no_more_than_two_reviewers_have_an_item_at_a_time(queued: Store) -> None:
    first = take(queued, "ada", "t1").item.id
    assert take(queued, "bob", "t2").item.id == first
    assert take(queued, "eve", "t3").item.id != first


@ONE_DATABASE
def test_an_abandoned_page_gives_its_item_back(queued: Store, clock) -> None:
    first = take(queued, "ada", "t1").item.id
    clock.now_s += 61
    assert take(queued, "ada", "t2").item.id == first


@ONE_DATABASE
def test_a_page_that_reports_keeps_its_item(queued: Store, clock) -> None:
    item = take(queued, "ada", "t1").item.id
    clock.now_s += 50
    queued.reviews.hold(item, "ada", "t1", 60.0)
    clock.now_s += 50
    with pytest.raises(ReviewTakenError, match="another page of yours"):
        queued.reviews.hold(item, "ada", "t2", 60.0)


@ONE_DATABASE
def test_an_expired_page_takes_its_item_again_if_it_is_free(queued: Store, clock) -> None:
    item = take(queued, "ada", "t1").item.id
    clock.now_s += 61
    assert queued.reviews.hold(item, "ada", "t1", 60.0).expires_at == clock.now_s + 60
    with pytest.raises(UnknownRecordError):
        queued.reviews.hold(99, "ada", "t1", 60.0)


def test_reviewers_at_once_get_each_slot_once(queued: Store) -> None:
    """Three threads decide on everything that they get; each item ends with two decisions by different reviewers."""
    errors: list[Exception] = []

    def review(name: str) -> None:
        try:
            number = 0
            while lease := queued.reviews.take(name, f"{name}-{number}", DOUBTS, 60.0):
                number += 1
                queued.reviews.decide(NewDecision(lease.token, lease.item.id, name, ReviewVerdict.ACCEPT))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=review, args=(f"r{number % 3}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    in_doubt = [one for one in queued.reviews.export() if one.item.queue is ReviewQueue.DOUBTS]
    assert [len({decision.reviewer for decision in one.decisions}) for one in in_doubt] == [2] * 10


def test_an_item_that_is_locked_for_a_moment_is_not_taken_for_none(queued: Store) -> None:
    """Another reviewer's decision on the last item is being written: its other slot is still free."""
    found: list[ReviewLease | None] = []
    taker = threading.Thread(target=lambda: found.append(queued.reviews.take("ada", "t1", CHECKS, 60.0)))
    others = [one.item.id for one in queued.reviews.export() if one.item.queue is ReviewQueue.CHECKS][:-1]
    for item_id in others:
        queued.reviews.hold(item_id, "ada", f"held-{item_id}", 60.0)
    with transaction(queued._database.engine, write=True) as session:
        session.execute(text("UPDATE review_items SET value = value WHERE queue = 'checks'"))
        taker.start()
        taker.join(0.5)
    taker.join(30.0)
    assert found[0] is not None
    assert found[0].item.id not in others


def test_progress_counts_what_is_left_for_a_reviewer(queued: Store) -> None:
    lease = take(queued, "ada", "t1")
    queued.reviews.decide(NewDecision("t1", lease.item.id, "ada", ReviewVerdict.ACCEPT))
    for reviewer, left in (("ada", 4), ("bob", 5)):
        checks = next(one for one in queued.reviews.progress(reviewer) if one.queue is ReviewQueue.CHECKS)
        assert (checks.for_reviewer, checks.open, checks.conflicts, checks.settled) == (left, 5, 0, 0)
