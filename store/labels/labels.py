"""The store's labels: reference answers with their history, the label audit, and reviews of corrections."""

from collections.abc import Iterable

from store.database.database import StorePart
from store.database.retry import retrying
from store.labels import history, reviews
from store.labels.audit import AuditSettings, Equal, OnProgress, Proposal, audit
from store.labels.reviews import Judge, RescoreResult, Review, UnjudgedAnswersError
from store.records import LabelChange, Outcome, ReviewStatus


@retrying
class Labels(StorePart):
    """The reference answers of problems, and the proposals to correct them."""

    def change(self, problem_id: str, answer: str, by: str, reason: str) -> bool:
        """Change a problem's reference answer and record the old one; returns False if it is the same.

        Raises:
            UnknownRecordError: there is no such problem.
            InvalidProblemError: the answer is empty.
        """
        with self._write() as session:
            return history.change_label(session, problem_id, answer, by, reason, self._now())

    def history(self, problem_id: str) -> list[LabelChange]:
        """The changes of a problem's answer, oldest first. Raises `UnknownRecordError` if there is no such problem."""
        with self._read() as session:
            return history.label_history(session, problem_id)

    def audit(
        self,
        settings: AuditSettings,
        equal: Equal,
        by: str = "audit",
        on_progress: OnProgress = lambda done, total: None,
    ) -> tuple[list[Proposal], int]:
        """Find labels that are likely wrong and open a review for each.

        A correction that was rejected is not proposed again unless the label or the answer that attempts agree on has
        changed.

        Args:
            settings: the thresholds for reporting a label.
            equal: whether two answers are equivalent.
            by: recorded as the author of the proposals.
            on_progress: called with (problems examined, problems in total).

        Returns:
            (the labels with an open review, the number of reviews that are new).
        """
        with self._read() as session:
            found = reviews.reuse_known_spelling(session, audit(session, settings, equal, on_progress), equal)
        with self._write() as session:
            opened = reviews.propose(session, found, by, self._now())
            under_review = reviews.problems_under_review(session)
        return [proposal for proposal in found if proposal.problem_id in under_review], opened

    def propose(self, proposals: Iterable[Proposal], by: str) -> int:
        """Open a review for each new proposal; returns the number opened. Decided ones stay decided."""
        with self._write() as session:
            return reviews.propose(session, proposals, by, self._now())

    def reviews(
        self, status: ReviewStatus | None = None, limit: int | None = None, problem_id: str | None = None
    ) -> list[Review]:
        """Reviews, highest score first."""
        with self._read() as session:
            return reviews.read_reviews(session, status, limit, problem_id)

    def review_counts(self) -> dict[str, int]:
        """{"open": n, "accepted": n, "rejected": n}."""
        with self._read() as session:
            return reviews.review_counts(session)

    def review(self, review_id: int) -> Review:
        """The review with this id. Raises `UnknownRecordError` if there is none."""
        with self._read() as session:
            return reviews.get_review(session, review_id)

    def reject(self, review_id: int, by: str, reason: str) -> None:
        """Keep the label. Rejecting again changes nothing.

        Raises:
            UnknownRecordError: there is no such review.
            ReviewDecidedError: the correction was accepted.
        """
        with self._write() as session:
            reviews.reject(session, review_id, by, reason, self._now())

    def accept(self, review_id: int, by: str, reason: str, judge: Judge) -> RescoreResult:
        """Correct the label and rescore the problem's rollouts, in one transaction; accepting again changes nothing.

        Answers are judged before the transaction, so that no writer waits for that.

        Raises:
            UnknownRecordError: there is no such review.
            ReviewDecidedError: it was rejected, or the label has changed otherwise since.
        """
        outcomes: dict[str, Outcome] = {}
        while True:
            with self._read() as session:
                review = reviews.get_review(session, review_id)
                answers = reviews.answers_to_judge(session, review_id)
            outcomes |= judge(review.proposed_answer, sorted(answers - outcomes.keys()))
            try:
                with self._write() as session:
                    return reviews.accept(session, review_id, by, reason, outcomes, self._now())
            except UnjudgedAnswersError:
                continue  # a sampler has written a new answer in between
