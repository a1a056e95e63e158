"""Decisions: blind, double, append-only, and what follows from them."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from store.database.tables import ReviewEditRow
from store.errors import InvalidProblemError, ReviewAppliedError, ReviewTakenError, UnknownRecordError
from store.export.settings import ExportSettings
from store.labels.audit import Proposal
from store.records import (
    EditedSolution,
    ImportedDecision,
    PairCount,
    ReviewItem,
    ReviewKind,
    ReviewLease,
    ReviewOrder,
    ReviewQueue,
    ReviewState,
    ReviewVerdict,
    RolloutFilter,
    Sampling,
)
from store.reviews.decisions import NewDecision
from store.reviews.leases import Wanted
from store.reviews.settlement import Settlement, settle
from store.settings import RetentionSettings, SelectionSettings
from store.store import Store

from .conftest import ONE_DATABASE, SETTINGS

A, R, U, E = ReviewVerdict.ACCEPT, ReviewVerdict.REJECT, ReviewVerdict.UNSURE, ReviewVerdict.EDIT


@pytest.mark.parametrize(
    ("verdicts", "settlement"),
    [
        ([], Settlement(2, None)),
        ([A], Settlement(2, None)),
        ([A, A], Settlement(2, A)),
        ([R, E], Settlement(2, R)),
        ([U, U], Settlement(2, U)),
        ([A, R], Settlement(3, None)),
        ([A, U], Settlement(3, None)),
        ([A, R, R], Settlement(3, R)),
        ([A, E, R], Settlement(3, R)),
        ([A, R, A], Settlement(3, A)),
        ([A, R, U], Settlement(3, U)),
        ([A, A, R, R], Settlement(3, U)),
    ],
)
def test_two_that_agree_settle_an_item_and_a_third_decides_between_two(verdicts, settlement) -> None:
    assert settle(verdicts) == settlement


@pytest.fixture
def item(queued: Store) -> ReviewItem:
    """An accepted solution to check."""
    lease = queued.reviews.take("nobody", "t0", Wanted(ReviewQueue.CHECKS), 60.0)
    assert lease is not None
    queued.reviews.release("t0")
    return lease.item


def decide(store: Store, item: ReviewItem, reviewer: str, verdict: ReviewVerdict, **more):
    key = more.pop("key", f"{reviewer}-{verdict}-{len(store.reviews.decisions())}")
    return store.reviews.decide(NewDecision(key, item.id, reviewer, verdict, **more))


def selected(store: Store, version: int) -> set[str]:
    training_set = store.training_sets.select(version, SelectionSettings(max_per_problem=None))
    return {rollout.id for rollout in store.training_sets.samples(training_set)}


@ONE_DATABASE
def test_an_item_needs_two_reviewers(queued: Store, item: ReviewItem) -> None:
    decide(queued, item, "ada", A, note="seen")
    assert queued.reviews.item(item.id).state is ReviewState.OPEN
    with pytest.raises(ReviewTakenError, match="You decided on this item before: accept"):
        decide(queued, item, "ada", R)
    decide(queued, item, "bob", A)
    settled = queued.reviews.item(item.id)
    assert (settled.state, settled.verdict, settled.decided) == (ReviewState.SETTLED, A, 2)
    with pytest.raises(ReviewTakenError, match="settled by now"):
        decide(queued, item, "eve", R)


def test_a_conflict_comes_first_for_a_third_reviewer_and_to_nobody_else(queued: Store, item: ReviewItem) -> None:
    decide(queued, item, "ada", A)
    decide(queued, item, "bob", R)
    for reviewer in ("ada", "bob"):
        lease = queued.reviews.take(reviewer, reviewer, Wanted(ReviewQueue.CHECKS), 60.0)
        assert lease is not None
        assert lease.item.id != item.id
        queued.reviews.release(reviewer)
    lease = queued.reviews.take("eve", "eve", Wanted(ReviewQueue.CHECKS, ReviewOrder.DISAGREEMENT), 60.0)
    assert lease is not None
    assert (lease.item.id, lease.item.needed) == (item.id, 3)
    decide(queued, item, "eve", R, key="eve")
    assert queued.reviews.item(item.id).verdict is R


def test_a_decision_that_is_sent_twice_is_stored_once(queued: Store, item: ReviewItem) -> None:
    first = decide(queued, item, "ada", A, key="page")
    assert decide(queued, item, "ada", A, key="page") == first
    with pytest.raises(ReviewTakenError):
        decide(queued, item, "ada", R, key="page")
    assert len(queued.reviews.decisions()) == 1


@ONE_DATABASE
def test_a_page_without_a_slot_cannot_decide(queued: Store, item: ReviewItem) -> None:
    for reviewer in ("ada", "bob"):
        queued.reviews.hold(item.id, reviewer, reviewer, 60.0)
    with pytest.raises(ReviewTakenError, match="others have all of its slots"):
        decide(queued, item, "eve", A)
    decide(queued, item, "ada", A, key="ada")


@ONE_DATABASE
def test_a_late_page_decides_if_nobody_took_its_slot(queued: Store, item: ReviewItem, clock) -> None:
    queued.reviews.hold(item.id, "ada", "t1", 60.0)
    clock.now_s += 1000
    assert decide(queued, item, "ada", A, key="t1").reviewer == "ada"


@pytest.mark.parametrize(("reviewer", "note"), [(" ", ""), ("ada", "a\0b"), ("a\0da", "")])
def test_what_cannot_be_stored_is_refused(queued: Store, item: ReviewItem, reviewer: str, note: str) -> None:
    with pytest.raises(InvalidProblemError):
        decide(queued, item, reviewer, A, note=note)


def test_undoing_adds_to_the_history_and_frees_the_slot(queued: Store, item: ReviewItem, clock) -> None:
    decided = decide(queued, item, "ada", A)
    clock.now_s += 5
    assert queued.reviews.last_in_effect("ada") == decided
    assert queued.reviews.undo("ada", decided.id, 60.0) == decided
    assert queued.reviews.undo("ada", decided.id, 60.0) == decided
    assert queued.reviews.last_in_effect("ada") is None

    decide(queued, item, "ada", R)
    history = [(one.verdict, one.undoes, one.decided_at) for one in queued.reviews.decisions(item_id=item.id)]
    assert history == [
        (R, None, clock.now_s),
        (ReviewVerdict.UNDO, decided.id, clock.now_s),
        (A, None, clock.now_s - 5),
    ]
    with pytest.raises(UnknownRecordError, match="no decision"):
        queued.reviews.undo("bob", decided.id, 60.0)


@ONE_DATABASE
def test_undoing_opens_a_settled_item_again(queued: Store, item: ReviewItem) -> None:
    decide(queued, item, "ada", A)
    decided = decide(queued, item, "bob", A)
    queued.reviews.undo("bob", decided.id, 60.0)
    assert queued.reviews.item(item.id).state is ReviewState.OPEN
    assert queued.reviews.due(0.0) == []


def test_a_rejected_solution_is_not_trained_on_nor_is_any_that_is_the_same(
    queued: Store, item: ReviewItem, make
) -> None:
    assert item.rollout_id in selected(queued, 2)
    decide(queued, item, "ada", R)
    last = decide(queued, item, "bob", R)
    assert queued.reviews.due(60.0) == []
    assert [one.id for one in queued.reviews.due(0.0)] == [item.id]
    assert queued.reviews.apply_rejection(item.id, {}, "excluded from training")
    assert not queued.reviews.apply_rejection(item.id, {}, "again")
    assert queued.reviews.due(0.0) == []

    assert item.rollout_id not in selected(queued, 3)
    before = selected(queued, 4)
    (original,) = queued.rollouts.by_id([item.rollout_id or ""])
    code = original.segments[0].text
    queued.iterations.open(2, 1)
    queued.iterations.schedule(2, 20, 1, Sampling())
    leased = queued.assignments.lease("test", 40, 60).assignments
    same = next(one for one in leased if one.problem.id == item.problem_id)
    queued.rollouts.add([make.attempt(same, 0, code=code)])
    assert selected(queued, 5) == before

    queued.reviews.undo("bob", last.id, 0.0)
    assert item.rollout_id in selected(queued, 6)


@ONE_DATABASE
def test_a_rejected_solution_is_exported_only_as_part_of_an_earlier_training_set(
    queued: Store, item: ReviewItem, tmp_path: Path
) -> None:
    selected(queued, 2)
    (training_set,) = {row["training_sets"][0] for row in exported(queued, tmp_path / "before") if row["training_sets"]}
    decide(queued, item, "ada", R)
    decide(queued, item, "bob", R)
    queued.reviews.apply_rejection(item.id, {}, "excluded from training")

    assert item.rollout_id not in {row["id"] for row in exported(queued, tmp_path / "now")}
    earlier = exported(queued, tmp_path / "earlier", training_set=training_set)
    assert item.rollout_id in {row["id"] for row in earlier}


def exported(store: Store, folder: Path, **settings: Any) -> list[dict[str, Any]]:
    store.export(folder, ExportSettings(**settings), lambda problem, rollout: [])
    return [json.loads(line) for path in folder.glob("data/*.jsonl") for line in path.open()]


@ONE_DATABASE
def test_what_is_in_review_is_not_pruned(queued: Store) -> None:
    in_review = {one.item.rollout_id for one in queued.reviews.export()}
    queued.rollouts.prune(RetentionSettings(keep=0))
    assert len(queued.rollouts.by_id(sorted(in_review))) == 15
    assert {one.outcome.value for one in queued.rollouts.page(RolloutFilter(), 100).rollouts} == {
        "accepted",
        "undecided",
    }


def edited(name: str) -> EditedSolution:
    return EditedSolution("text", [("print(1)", "1"), ("so 1", None)], [], "1", f"demo-{name}")


def test_an_edited_solution_takes_the_place_of_the_rejected_one(queued: Store, item: ReviewItem, make) -> None:
    decide(queued, item, "ada", E, edit=edited("a"))
    last = decide(queued, item, "bob", R)
    (original,) = queued.rollouts.by_id([item.rollout_id or ""])
    queued.rollouts.add([make.demonstration("a", item.problem_id, original.segments[0].text)])
    first = queued.reviews.decisions(item_id=item.id)[-1]
    assert first.edit == edited("a")
    assert queued.reviews.apply_rejection(item.id, {first.id: "demo-a"}, "edited")

    trained_on = selected(queued, 2)
    assert "demo-a" in trained_on
    assert item.rollout_id not in trained_on
    with queued._database.read() as session:
        assert session.scalar(select(func.count()).select_from(ReviewEditRow)) == 1
    with pytest.raises(ReviewAppliedError, match="stored as a demonstration"):
        queued.reviews.undo("bob", last.id, 60.0)


def test_labels_cannot_be_edited_and_a_corrected_one_stays(attempted: Store, clock) -> None:
    attempted.labels.propose([Proposal("p0", "0", "7", 0.9, {})], "audit")
    attempted.reviews.fill(SETTINGS)
    lease = attempted.reviews.take("ada", "t1", Wanted(ReviewQueue.LABELS), 60.0)
    assert isinstance(lease, ReviewLease)
    with pytest.raises(InvalidProblemError, match="only solutions"):
        decide(attempted, lease.item, "ada", E, edit=edited("a"))
    decide(attempted, lease.item, "ada", A, key="t1")
    last = decide(attempted, lease.item, "bob", A)
    attempted.reviews.undo("bob", last.id, 60.0)
    last = decide(attempted, lease.item, "bob", A)
    clock.now_s += 60
    with pytest.raises(ReviewAppliedError, match="decided by now"):
        attempted.reviews.undo("bob", last.id, 60.0)


def test_pairs_of_reviewers_are_counted_by_kind_and_verdicts(queued: Store) -> None:
    items = [one.item for one in queued.reviews.export()][:3]
    for item, (ada, bob) in zip(items, ((A, A), (A, R), (A, A)), strict=True):
        decide(queued, item, "bob", bob)
        decide(queued, item, "ada", ada)
    undone = decide(queued, items[1], "eve", R)
    queued.reviews.undo("eve", undone.id, 60.0)
    assert queued.reviews.pair_counts() == [
        PairCount(ReviewKind.SOLUTION, "ada", "bob", A, A, 2),
        PairCount(ReviewKind.SOLUTION, "ada", "bob", A, R, 1),
    ]


def test_an_import_is_repeated_without_effect(queued: Store, item: ReviewItem) -> None:
    given = [
        ImportedDecision(item.key, "ada", A, "fine"),
        ImportedDecision(item.key, "bob", R),
        ImportedDecision("solution:none", "bob", R),
    ]
    assert queued.reviews.import_decisions(given, "argilla") == {"added": 2, "unknown": 1}
    assert queued.reviews.import_decisions(given, "argilla") == {"unchanged": 2, "unknown": 1}
    assert queued.reviews.import_decisions([ImportedDecision(item.key, "bob", A)], "argilla") == {"replaced": 1}
    assert queued.reviews.item(item.id).verdict is A
    assert queued.reviews.import_decisions([ImportedDecision(item.key, "eve", A)], "argilla") == {"settled": 1}
    assert {one.source for one in queued.reviews.decisions(item_id=item.id)} == {"argilla", "page"}
