"""`automathes review`: list, show and decide on proposed corrections of labels."""

import argparse
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from cluster.commands.answer_checks import AnswerChecks
from cluster.commands.reviews.options import act, check_answer, check_options, decided_by, require_readable
from cluster.config.run_config import ConfigError
from cluster.console.output import print_json, print_line
from cluster.console.review_panel import (
    describe_decision,
    describe_proposal,
    draw_review,
    print_reviews,
    prompt_decision,
)
from store.labels.audit import Proposal
from store.labels.reviews import Review
from store.records import ReviewStatus, Rollout
from store.store import Store

_MAX_ATTEMPTS_SHOWN = 3


def review(arguments: argparse.Namespace) -> int:
    """List reviews, show some, or decide on them. On a terminal and without options, step through the open ones.

    Raises:
        ConfigError: there is no such run, the options contradict each other, or an answer is unreadable or the label.
        UnknownRecordError: there is no such review.
        ReviewDecidedError: it was decided otherwise before.
        SandboxUnavailable: answers need algebra, and nothing can be isolated on this host.
    """
    check_options(arguments)
    check_answer(arguments)
    return act(_Labels(), arguments)


class _Labels:
    """Reviews of labels in doubt."""

    def decide(self, store: Store, checks: AnswerChecks, arguments: argparse.Namespace) -> None:
        """Decide on those with the given numbers."""
        by = decided_by(arguments)
        for review_id in arguments.ids:
            store.labels.review(review_id)  # raises for a missing one before any is decided
        meant = arguments.ids
        if arguments.answer is not None:
            meant = [_with_answer(store, checks, store.labels.review(arguments.ids[0]), arguments.answer.strip(), by)]
        decided = []
        for review_id in meant:
            if arguments.reject:
                store.labels.reject(review_id, by, arguments.reason)
                rescored = None
            else:
                rescored = store.labels.accept(review_id, by, arguments.reason, checks.outcomes)
            review = store.labels.review(review_id)
            decided.append(asdict(review) | {"rescored": rescored and asdict(rescored)})
            if not arguments.json:
                print_line(describe_decision(review, rescored))
        if arguments.json:
            print_json(decided, indent=2)

    def list_all(self, store: Store, arguments: argparse.Namespace) -> None:
        """List all with a status."""
        status = None if arguments.status == "all" else ReviewStatus(arguments.status or "open")
        reviews = store.labels.reviews(status, arguments.limit)
        if arguments.json:
            for review in reviews:
                print_json(asdict(review))
        else:
            print_reviews(reviews, store.labels.review_counts())

    def show(self, store: Store, arguments: argparse.Namespace) -> None:
        """Show those with the given numbers."""
        for review_id in arguments.ids:
            review = store.labels.review(review_id)
            attempts = _attempts(store, review)
            if arguments.json:
                print_json(asdict(review) | {"attempts": [asdict(attempt) for attempt in attempts]}, indent=2)
            else:
                Console().print(draw_review(review, attempts))

    def step_through(self, store: Store, checks: AnswerChecks, by: str) -> None:
        """Ask for a decision on each open one."""
        console = Console()
        reviews = store.labels.reviews(ReviewStatus.OPEN)
        if not reviews:
            console.print("no review is open; `automathes problems audit` looks for labels in doubt")
        for number, review in enumerate(reviews, start=1):
            attempts = _attempts(store, review)
            console.print(draw_review(review, attempts), Text(f"review {number} of {len(reviews)}", style="dim"))
            choice, reason = prompt_decision(console, describe_proposal(review))
            if choice == "quit":
                return
            if choice == "accept":
                rescored = store.labels.accept(review.id, by, reason, checks.outcomes)
                console.print(Text(describe_decision(review, rescored)))
            elif choice == "reject":
                store.labels.reject(review.id, by, reason)
                console.print(Text(describe_decision(review, None)))


def _with_answer(store: Store, checks: AnswerChecks, review: Review, answer: str, by: str) -> int:
    """The review that proposes this answer to the same problem, which is a new one if nobody has proposed it yet."""
    require_readable(checks, f"review {review.id}", answer)
    if checks.equal(review.label, answer):
        raise ConfigError(f"review {review.id}: {answer} is the label, {review.label}: --reject keeps it")
    others = store.labels.reviews(problem_id=review.problem_id)
    known = (one for one in [review, *others] if one.label == review.label)
    if (same := next((one for one in known if checks.equal(one.proposed_answer, answer)), None)) is not None:
        return same.id
    store.labels.propose([Proposal(review.problem_id, review.label, answer, review.score, review.evidence)], by)
    return next(
        one.id
        for one in store.labels.reviews(problem_id=review.problem_id)
        if (one.label, one.proposed_answer) == (review.label, answer)
    )


def _attempts(store: Store, review: Review) -> list[Rollout]:
    return store.rollouts.by_id(list(review.evidence.get("rollouts", []))[:_MAX_ATTEMPTS_SHOWN])
