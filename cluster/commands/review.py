"""`automathes review`: list, show and decide on proposed corrections of labels."""

import argparse
import getpass
import os
import sys
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from cluster.commands.answer_checks import AnswerChecks, open_answer_checks
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json, print_line
from cluster.console.review_panel import describe_decision, draw_review, print_reviews, prompt_decision
from store.labels.reviews import Review
from store.records import ReviewStatus, Rollout
from store.store import Store

_MAX_ATTEMPTS_SHOWN = 3


def review(arguments: argparse.Namespace) -> int:
    """List reviews, show some, or decide on them. On a terminal and without options, step through the open ones.

    Raises:
        ConfigError: there is no such run, or the options contradict each other.
        UnknownRecordError: there is no such review.
        ReviewDecidedError: it was decided otherwise before.
        SandboxUnavailable: answers need algebra, and nothing can be isolated on this host.
    """
    _check_options(arguments)
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store, open_answer_checks(config.answer_checker) as checks:
        if arguments.accept or arguments.reject:
            _decide(store, checks, arguments)
        elif arguments.ids:
            _show(store, arguments)
        elif arguments.json or arguments.list or arguments.status or not (sys.stdin.isatty() and sys.stdout.isatty()):
            _list(store, arguments)
        else:
            _step_through(store, checks, arguments.by or _user())
    return 0


def _user() -> str:
    """The name of the user; a number if the system has no name for it, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _check_options(arguments: argparse.Namespace) -> None:
    if arguments.ids and (arguments.list or arguments.status):
        raise ConfigError("--list and --status apply to all reviews: omit the numbers or these options")
    if not (arguments.accept or arguments.reject):
        if arguments.reason:
            raise ConfigError("--reason requires --accept or --reject")
        return
    if not arguments.ids:
        raise ConfigError("--accept and --reject require numbers of reviews: `automathes review --list` shows them")
    if not (arguments.reason or "").strip():
        raise ConfigError("a decision is stored with its reason: add --reason TEXT")


def _decide(store: Store, checks: AnswerChecks, arguments: argparse.Namespace) -> None:
    by = arguments.by or _user()
    for review_id in arguments.ids:
        store.labels.review(review_id)  # raises for a missing one before any is decided
    decided = []
    for review_id in arguments.ids:
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


def _list(store: Store, arguments: argparse.Namespace) -> None:
    status = None if arguments.status == "all" else ReviewStatus(arguments.status or "open")
    reviews = store.labels.reviews(status, arguments.limit)
    if arguments.json:
        for review in reviews:
            print_json(asdict(review))
    else:
        print_reviews(reviews, store.labels.review_counts())


def _show(store: Store, arguments: argparse.Namespace) -> None:
    for review_id in arguments.ids:
        review = store.labels.review(review_id)
        attempts = _attempts(store, review)
        if arguments.json:
            print_json(asdict(review) | {"attempts": [asdict(attempt) for attempt in attempts]}, indent=2)
        else:
            Console().print(draw_review(review, attempts))


def _step_through(store: Store, checks: AnswerChecks, by: str) -> None:
    console = Console()
    reviews = store.labels.reviews(ReviewStatus.OPEN)
    if not reviews:
        console.print("no review is open; `automathes problems audit` looks for labels in doubt")
    for number, review in enumerate(reviews, start=1):
        attempts = _attempts(store, review)
        console.print(draw_review(review, attempts), Text(f"review {number} of {len(reviews)}", style="dim"))
        choice, reason = prompt_decision(console, review)
        if choice == "quit":
            return
        if choice == "accept":
            rescored = store.labels.accept(review.id, by, reason, checks.outcomes)
            console.print(Text(describe_decision(review, rescored)))
        elif choice == "reject":
            store.labels.reject(review.id, by, reason)
            console.print(Text(describe_decision(review, None)))


def _attempts(store: Store, review: Review) -> list[Rollout]:
    return store.rollouts.by_id(list(review.evidence.get("rollouts", []))[:_MAX_ATTEMPTS_SHOWN])
