"""What the pages show, collected from the store. A page of an item shows nothing of what others decided on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from eval.agreement import Agreement, PairAgreement, overall, pair_agreements
from eval.browser.blocks import Block, blocks_of
from eval.browser.records import Attempt
from store.labels.reviews import Review
from store.records import (
    Problem,
    QueueProgress,
    ReviewDecision,
    ReviewItem,
    ReviewKind,
    ReviewLease,
    ReviewOrder,
    ReviewVerdict,
    Rollout,
)
from store.store import Store

_ATTEMPTS = 3  # that support a proposed label
_HISTORY = 200


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """An attempt to read, in blocks."""

    rollout: Rollout
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item before a reviewer. `correction` is what a label is about; `attempts` support it, or the one in question.

    `lease` is None where the item cannot be decided on from here; `own` is then this reviewer's decision, if any.
    """

    item: ReviewItem
    problem: Problem
    attempts: Sequence[ShownAttempt]
    correction: Review | None
    order: ReviewOrder
    lease: ReviewLease | None = None
    own: ReviewDecision | None = None


@dataclass(frozen=True, slots=True)
class HomeView:
    """The queues, and how far reviewers agree; `overall` where there are several pairs of them."""

    queues: Sequence[QueueProgress]
    pairs: Sequence[PairAgreement]
    overall: Sequence[tuple[ReviewKind, Agreement]]


@dataclass(frozen=True, slots=True)
class PastDecision:
    """A decision of a reviewer, with its item. It may have been taken back."""

    decision: ReviewDecision
    item: ReviewItem
    is_undone: bool


class Desk:
    """Collects what pages show. Every method raises `StoreError` if the store cannot be read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def home(self, reviewer: str) -> HomeView:
        """The first page."""
        pairs = pair_agreements(self._store.reviews.pair_counts())
        by_several = [kind for kind in ReviewKind if sum(pair.kind is kind for pair in pairs) > 1]
        totals = [(kind, total) for kind in by_several if (total := overall(pairs, kind)) is not None]
        return HomeView(self._store.reviews.progress(reviewer), pairs, totals)

    def leased(self, lease: ReviewLease, order: ReviewOrder) -> ItemView:
        """The page of an item that a reviewer may decide on."""
        return self._view(lease.item, order, lease, None)

    def closed(self, item_id: int, reviewer: str, order: ReviewOrder) -> ItemView:
        """The page of an item that a reviewer cannot decide on. Raises `UnknownRecordError` if there is none."""
        return self._view(self._store.reviews.item(item_id), order, None, self._own(item_id, reviewer))

    def history(self, reviewer: str) -> list[PastDecision]:
        """The latest decisions of a reviewer, the last one first."""
        rows = self._store.reviews.decisions(reviewer=reviewer, limit=_HISTORY)
        undone = {one.undoes for one in rows}
        made = [one for one in rows if one.verdict is not ReviewVerdict.UNDO]
        return [PastDecision(one, self._store.reviews.item(one.item_id), one.id in undone) for one in made]

    def rollout_of(self, item: ReviewItem) -> Rollout:
        """The rollout that an item is about."""
        (rollout,) = self._store.rollouts.by_id([item.rollout_id or ""])
        return rollout

    def _own(self, item_id: int, reviewer: str) -> ReviewDecision | None:
        history = self._store.reviews.decisions(item_id=item_id)
        undone = {one.undoes for one in history}
        return next((one for one in history if one.reviewer == reviewer and _is_made(one, undone)), None)

    def _view(
        self, item: ReviewItem, order: ReviewOrder, lease: ReviewLease | None, own: ReviewDecision | None
    ) -> ItemView:
        correction = None if item.label_review_id is None else self._store.labels.review(item.label_review_id)
        ids = [item.rollout_id or ""]
        if correction is not None:
            ids = list(correction.evidence.get("rollouts", []))[:_ATTEMPTS]
        attempts = [_shown(self._store, rollout) for rollout in self._store.rollouts.by_id(ids)]
        return ItemView(item, self._store.problems.get(item.problem_id), attempts, correction, order, lease, own)


def _shown(store: Store, rollout: Rollout) -> ShownAttempt:
    attempt = Attempt(store.rollouts.summary(rollout.id), rollout, author="")
    return ShownAttempt(rollout, blocks_of(attempt))


def _is_made(decision: ReviewDecision, undone: set[int | None]) -> bool:
    return decision.verdict is not ReviewVerdict.UNDO and decision.id not in undone
