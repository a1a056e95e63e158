"""The store's reviews by people: what they are asked, what they decided, and what is to follow from it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import batched

from store.database.database import StorePart
from store.database.retry import retried, retrying
from store.records import (
    ImportedDecision,
    PairCount,
    QueueProgress,
    ReviewDecision,
    ReviewedItem,
    ReviewItem,
    ReviewLease,
)
from store.reviews import agreement, decisions, effects, exchange, filling, items, leases
from store.reviews.decisions import NewDecision
from store.reviews.leases import Wanted
from store.reviews.settings import ReviewSettings

_IMPORTED_AT_ONCE = 200


@retrying
class Reviews(StorePart):
    """Queues of solutions and labels, each to be decided by two reviewers who do not see each other's decision."""

    def fill(self, settings: ReviewSettings) -> int:
        """Open items that are new, and withdraw those that are moot; returns how many were opened."""
        with self._read() as session:
            new = filling.find_new(session, settings)
        with self._write() as session:
            return filling.open_items(session, new, self._now())

    def take(self, reviewer: str, token: str, wanted: Wanted, lease_s: float) -> ReviewLease | None:
        """Lease the wanted item for a page, which `token` names; None if none is left for this reviewer."""
        with self._write() as session:
            return leases.take(session, reviewer, token, wanted, self._now(), lease_s)

    def hold(self, item_id: int, reviewer: str, token: str, lease_s: float) -> ReviewLease:
        """Extend the lease of a page, or take it anew if it has expired and a slot is free.

        Raises:
            UnknownRecordError: there is no such item.
            ReviewTakenError: it is settled, others have it, or this reviewer has it on another page or decided on it.
        """
        with self._write() as session:
            return leases.hold(session, item_id, reviewer, token, self._now(), lease_s)

    def release(self, token: str) -> None:
        """Give the lease of a page back."""
        with self._write() as session:
            leases.release(session, token)

    def decide(self, new: NewDecision) -> ReviewDecision:
        """Store a decision, and settle its item if it is the last one needed. A repeated one changes nothing.

        Raises:
            UnknownRecordError: there is no such item.
            InvalidProblemError: the decision has no reviewer, or is none on an item of its kind.
            ReviewTakenError: this reviewer decided otherwise before, the item is settled, or others have its slots.
        """
        with self._write() as session:
            return decisions.decide(session, new, self._now())

    def last_in_effect(self, reviewer: str) -> ReviewDecision | None:
        """The latest decision of a reviewer that was not undone; None if there is none."""
        with self._read() as session:
            return decisions.last_in_effect(session, reviewer)

    def undo(self, reviewer: str, decision_id: int, undo_s: float) -> ReviewDecision:
        """Take back a decision of this reviewer and return it. Undoing it again changes nothing.

        Raises:
            UnknownRecordError: this reviewer made no such decision.
            ReviewAppliedError: it corrected a label, or an edited solution is stored: these stay.
        """
        with self._write() as session:
            return decisions.undo(session, reviewer, decision_id, self._now(), undo_s)

    def item(self, item_id: int) -> ReviewItem:
        """The item with this id. Raises `UnknownRecordError` if there is none."""
        with self._read() as session:
            return items.read_item(session, item_id)

    def find(self, key: str) -> ReviewItem | None:
        """The item with this key (see `item_key`), None if there is none."""
        with self._read() as session:
            return items.find_item(session, key)

    def progress(self, reviewer: str) -> list[QueueProgress]:
        """The state of each queue."""
        with self._read() as session:
            return items.progress(session, reviewer)

    def decisions(
        self, *, reviewer: str | None = None, item_id: int | None = None, limit: int | None = None
    ) -> list[ReviewDecision]:
        """Decisions and their undoing, the latest first."""
        with self._read() as session:
            return decisions.read_decisions(session, reviewer=reviewer, item_id=item_id, limit=limit)

    def pair_counts(self) -> list[PairCount]:
        """How often two reviewers decided which way on the same items."""
        with self._read() as session:
            return agreement.pair_counts(session)

    def due(self, undo_s: float) -> list[ReviewItem]:
        """Items that were settled at least `undo_s` ago and are not applied yet, oldest first; up to a hundred."""
        with self._read() as session:
            return effects.due(session, self._now() - undo_s)

    def mark_applied(self, item_id: int, effect: str) -> bool:
        """Record what became of a settled item. False if it is not settled any more, or was applied before."""
        with self._write() as session:
            return effects.mark_applied(session, item_id, effect, self._now())

    def apply_rejection(self, item_id: int, edits: Mapping[int, str], effect: str) -> bool:
        """Exclude a rejected solution from training, and record which demonstrations were made of it.

        Args:
            item_id: the item, which is settled.
            edits: the ids of the demonstrations, which are stored, by the ids of the decisions.
            effect: what became of the item, for its readers.

        Returns:
            False if the item is not rejected any more, or was applied before; then nothing changes.
        """
        with self._write() as session:
            return effects.apply_rejection(session, item_id, edits, effect, self._now())

    def reviewers(self) -> list[str]:
        """The names of all who decided on anything, in order."""
        with self._read() as session:
            return decisions.read_reviewers(session)

    def export(self) -> Iterator[ReviewedItem]:
        """Stream all items with their content and history, except those that were withdrawn."""
        after = 0
        while page := self._page(after):
            yield from page
            after = page[-1].item.id

    @retried
    def _page(self, after: int) -> Sequence[ReviewedItem]:
        with self._read() as session:
            return exchange.reviewed_items(session, after)

    def import_decisions(self, imported: Iterable[ImportedDecision], source: str) -> Counter[str]:
        """Store decisions of another tool; returns how many were added, replaced, unchanged, settled or unknown.

        A reviewer's decision that differs from the one in effect replaces it. Repeating an import changes nothing.

        Raises:
            InvalidProblemError: a decision has no reviewer, or is none; earlier batches are stored.
        """
        counts: Counter[str] = Counter()
        for batch in batched(imported, _IMPORTED_AT_ONCE):
            with self._write() as session:
                counts += exchange.import_decisions(session, batch, source, self._now())
        return counts
