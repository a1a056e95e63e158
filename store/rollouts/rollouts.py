"""The store's rollouts: each written once, read back exactly as it was, and pruned by a rule."""

from collections.abc import Iterable, Iterator, Sequence

from store.database.array_membership import in_array
from store.database.database import StorePart
from store.database.retry import retried, retrying
from store.database.tables import RolloutRow
from store.errors import UnknownRecordError
from store.records import Outcome, Purpose, Rollout, RolloutCount, RolloutFilter, RolloutPage, RolloutSummary
from store.rollouts import retention
from store.rollouts.browsing import pages
from store.rollouts.browsing.windows import Place
from store.rollouts.reading import read_rollouts
from store.rollouts.row_mapping import PreparedRollout, prepare
from store.rollouts.timings import Timing, read_timings
from store.rollouts.writing import add_rollouts
from store.settings import RetentionSettings

BROWSING_S = 0.3
"""How long a search for a page lasts, in seconds."""


@retrying
class Rollouts(StorePart):
    """The replay: all rollouts of a run, of every purpose and outcome."""

    def add(self, rollouts: Iterable[Rollout]) -> int:
        """Write new rollouts and count them for their assignments; returns how many were not in the store yet.

        Raises:
            InvalidRolloutError: a rollout contradicts itself, its assignment or its problem; then none is written.
        """
        return self._add_prepared(prepare(rollouts))

    @retried
    def _add_prepared(self, prepared: Sequence[PreparedRollout]) -> int:
        """Separate from `add`, so that other processes can write while rollouts are prepared."""
        with self._write() as session:
            return add_rollouts(session, prepared, self._now())

    def iterate(
        self,
        *,
        purpose: Purpose | None = None,
        outcome: Outcome | None = None,
        iteration: int | None = None,
        policy_version: int | None = None,
        problem_id: str | None = None,
        limit: int | None = None,
        newest_first: bool = False,
    ) -> Iterator[Rollout]:
        """Stream whole rollouts in the order in which they were written. `policy_version` is that of the last span."""
        wanted = {
            RolloutRow.purpose: purpose,
            RolloutRow.outcome: outcome,
            RolloutRow.iteration: iteration,
            RolloutRow.policy_version: policy_version,
            RolloutRow.problem_id: problem_id,
        }
        where = [column == value for column, value in wanted.items() if value is not None]
        with self._read() as session:
            yield from read_rollouts(session, where, limit, newest_first=newest_first)

    def by_id(self, ids: Sequence[str]) -> list[Rollout]:
        """The stored rollouts with these ids, in the order in which they were written."""
        with self._read() as session:
            return list(read_rollouts(session, [in_array(RolloutRow.id, ids)]))

    def page(
        self,
        wanted: RolloutFilter,
        limit: int,
        *,
        older_than: int | None = None,
        newer_than: int | None = None,
        budget_s: float = BROWSING_S,
    ) -> RolloutPage:
        """Up to `limit` rollouts that match, newest first: the newest, or those next to a place that a page named.

        The search ends after about `budget_s` seconds, whatever is stored, and the page says how far it came.
        """
        with self._read() as session:
            return pages.find_page(session, wanted, limit, Place(older_than, newer_than), budget_s)

    def count(self, wanted: RolloutFilter, budget_s: float = BROWSING_S) -> RolloutCount:
        """How many rollouts match, whatever their text, or how many were counted in about `budget_s` seconds."""
        with self._read() as session:
            return pages.count(session, wanted, budget_s)

    def summary(self, rollout_id: str) -> RolloutSummary:
        """The summary of a rollout. Raises `UnknownRecordError` if there is none with this id."""
        with self._read() as session:
            found = pages.find_summary(session, rollout_id)
        if found is None:
            raise UnknownRecordError(f"there is no rollout {rollout_id!r} in the store: it may have been pruned")
        return found

    def timings(self) -> list[Timing]:
        """The courses of all sampled rollouts in numbers, in the order in which they were written."""
        with self._read() as session:
            return read_timings(session)

    def prune(self, settings: RetentionSettings | None = None) -> int:
        """Delete the rejected rollouts that the rule does not keep; returns how many.

        Rollouts of training sets stay, and so do those of problems with a review. There is one transaction per few
        hundred problems: other processes can write in between, and the next call continues an interrupted pruning.
        """
        with self._read() as session:
            batches = retention.problem_batches(session)
        pruned = 0
        for batch in batches:
            with self._write() as session:
                pruned += retention.prune(session, batch, settings or RetentionSettings())
        return pruned
