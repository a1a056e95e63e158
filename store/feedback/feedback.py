"""The store's feedback: what servers collected, how it was rated, and what became of it."""

from collections.abc import Sequence

from store.database.database import StorePart
from store.database.retry import retrying
from store.feedback import collecting, confirmation, reading
from store.records import CollectedCompletion, Completion, Problem, Rating, ReviewStatus


@retrying
class Feedback(StorePart):
    """Completions of servers that collect, their ratings, and the decisions on them."""

    def collect(self, new: Sequence[Completion]) -> int:
        """Store completions whose ids are new, and prune the oldest; returns how many were new."""
        with self._write() as session:
            added = collecting.add_completions(session, new)
            collecting.prune(session)
            return added

    def rate(self, rating: Rating) -> None:
        """Store a rating in the place of an earlier one of the same choice.

        Raises:
            UnknownRecordError: no such completion was collected, or it has no such choice.
        """
        with self._write() as session:
            collecting.rate(session, rating, self._now())

    def collected(self, status: ReviewStatus | None = None, limit: int | None = None) -> list[CollectedCompletion]:
        """Completions by status, the latest rating first. Open are those that were rated; None: all, unrated too."""
        with self._read() as session:
            return reading.read(session, status, limit)

    def get(self, number: int) -> CollectedCompletion:
        """The completion with this number. Raises `UnknownRecordError` if there is none."""
        with self._read() as session:
            return reading.read_one(session, number)

    def counts(self) -> dict[str, int]:
        """The number of completions by status, and of those that are not rated ("unrated")."""
        with self._read() as session:
            return reading.counts(session)

    def problem(self, number: int, answer: str) -> Problem:
        """The training problem that `accept` would make of a completion. Raises as `accept` does."""
        return confirmation.to_problem(self.get(number), answer)

    def accept(self, number: int, answer: str, by: str, reason: str) -> CollectedCompletion:
        """Make a training problem of a completion, with this answer. Accepting again changes nothing.

        If the import refuses it, since it is known or resembles a held-out problem, the completion is rejected and its
        `reason` says why.

        Raises:
            UnknownRecordError: there is no such completion.
            ReviewDecidedError: it was rejected, or accepted with another answer.
            InvalidProblemError: its question continues a conversation, or the answer is none.
        """
        with self._write() as session:
            return confirmation.accept(session, number, answer, by, reason, self._now())

    def reject(self, number: int, by: str, reason: str) -> CollectedCompletion:
        """Make no problem of a completion. Rejecting again changes nothing.

        Raises:
            UnknownRecordError: there is no such completion.
            ReviewDecidedError: it was accepted.
        """
        with self._write() as session:
            return confirmation.reject(session, number, by, reason, self._now())
