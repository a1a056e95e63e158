"""What both kinds of reviews read from the command line, and what they then do."""

import argparse
import getpass
import os
import sys
from typing import Protocol

from cluster.commands.answer_checks import AnswerChecks, open_answer_checks
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from store.records import accepted_answers
from store.store import Store


class Reviews(Protocol):
    """One kind of reviews."""

    def decide(self, store: Store, checks: AnswerChecks, arguments: argparse.Namespace) -> None:
        """Accept or reject those with the given numbers."""
        ...

    def show(self, store: Store, arguments: argparse.Namespace) -> None:
        """Show those with the given numbers."""
        ...

    def list_all(self, store: Store, arguments: argparse.Namespace) -> None:
        """List all with a status."""
        ...

    def step_through(self, store: Store, checks: AnswerChecks, by: str) -> None:
        """Ask for a decision on each open one."""
        ...


def act(reviews: Reviews, arguments: argparse.Namespace) -> int:
    """Do with the reviews of a run what the options say.

    Raises:
        ConfigError: there is no such run.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store, open_answer_checks(config.answer_checker) as checks:
        if arguments.accept or arguments.reject:
            reviews.decide(store, checks, arguments)
        elif arguments.ids:
            reviews.show(store, arguments)
        elif _lists(arguments):
            reviews.list_all(store, arguments)
        else:
            reviews.step_through(store, checks, decided_by(arguments))
    return 0


def check_options(arguments: argparse.Namespace) -> None:
    """Raise `ConfigError` if the options contradict each other or a decision lacks one."""
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


def check_answer(arguments: argparse.Namespace) -> None:
    """Raise `ConfigError` if an answer is given to anything but one acceptance, or is none."""
    if arguments.answer is None:
        return
    if not (arguments.accept and len(arguments.ids) == 1):
        raise ConfigError("--answer is that of one problem: give one number and --accept")
    if not arguments.answer.strip():
        raise ConfigError("--answer is empty: give the right answer")


def require_readable(checks: AnswerChecks, what: str, answer: str) -> None:
    """Raise `ConfigError` if nothing could be compared with the answer of `what`."""
    for accepted in accepted_answers(answer):
        if not checks.can_read(accepted):
            raise ConfigError(
                f"{what}: the answer checker cannot read {accepted!r}, so that hardly an attempt would be "
                "accepted: write the answer as a number, an expression or a name"
            )


def _lists(arguments: argparse.Namespace) -> bool:
    """Whether reviews are to be listed, as without a terminal, rather than stepped through."""
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return bool(arguments.json or arguments.list or arguments.status or not on_terminal)


def decided_by(arguments: argparse.Namespace) -> str:
    """The author of decisions: the user, unless the options name another; a number if the user has no name."""
    if arguments.by:
        return str(arguments.by)
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
