"""`automathes review`: the corrections of labels that were proposed, one by one, and what a person decides on them."""

import argparse
import getpass
import json
import os
import sys
from dataclasses import asdict

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.prompt import Prompt
from rich.syntax import Syntax
from rich.text import Text

from cluster.commands.judging import Verdicts, judging
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.tables import answer_shown, percent, print_table, printable, printable_lines
from store.labels.reviews import Rescored, Review
from store.records import ReviewStatus, Rollout, SegmentKind
from store.store import Store

_EXAMPLES = 3


def review_labels(arguments: argparse.Namespace) -> int:
    """Lists reviews, shows some, or decides on them; on a terminal and without options it goes through the open ones.

    Raises:
        ConfigError: there is no such run, or the options contradict each other.
        UnknownRecordError: there is no such review.
        ReviewDecidedError: it was decided otherwise.
        SandboxUnavailable: answers need math-verify, and nothing can be isolated on this host.
    """
    _check(arguments)
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store, judging(config.answer_checker) as verdicts:
        if arguments.accept or arguments.reject:
            _decide_all(store, verdicts, arguments)
        elif arguments.ids:
            _show_all(store, arguments)
        elif arguments.json or arguments.list or arguments.status or not (sys.stdin.isatty() and sys.stdout.isatty()):
            _list(store, arguments)
        else:
            _go_through(store, verdicts, arguments.by or _user())
    return 0


def _user() -> str:
    """Who sits here; a number where the system has no name for them, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _check(arguments: argparse.Namespace) -> None:
    if arguments.ids and (arguments.list or arguments.status):
        raise ConfigError("--list and --status are for all reviews: leave the numbers out, or these options")
    if not (arguments.accept or arguments.reject):
        if arguments.reason:
            raise ConfigError("--reason goes with --accept or --reject")
        return
    if not arguments.ids:
        raise ConfigError("--accept and --reject want the numbers of reviews: `automathes review --list` shows them")
    if not (arguments.reason or "").strip():
        raise ConfigError("a decision is kept with its reason: add --reason TEXT")


def _decide_all(store: Store, verdicts: Verdicts, arguments: argparse.Namespace) -> None:
    by = arguments.by or _user()
    for review_id in arguments.ids:
        store.labels.review(review_id)  # names one that is not there before anything is decided
    decided = []
    for review_id in arguments.ids:
        if arguments.reject:
            store.labels.reject(review_id, by, arguments.reason)
            rescored = None
        else:
            rescored = store.labels.accept(review_id, by, arguments.reason, verdicts.judge)
        review = store.labels.review(review_id)
        decided.append(asdict(review) | {"rescored": rescored and asdict(rescored)})
        if not arguments.json:
            print(_said(review, rescored))  # noqa: T201
    if arguments.json:
        print(json.dumps(decided, indent=2))  # noqa: T201


def _said(review: Review, rescored: Rescored | None) -> str:
    if rescored is None:
        problem, label = printable(review.problem_id), answer_shown(review.label)
        return f"review {review.id} rejected: the answer of {problem} stays {label}"
    return (
        f"review {review.id} accepted: the answer of {printable(review.problem_id)} is "
        f"{answer_shown(review.proposed_answer)}, not {answer_shown(review.label)}. Of {rescored.rollouts} rollouts "
        f"{rescored.accepted} became right and {rescored.rejected} wrong"
    )


def _list(store: Store, arguments: argparse.Namespace) -> None:
    status = None if arguments.status == "all" else ReviewStatus(arguments.status or "open")
    found = store.labels.reviews(status, arguments.limit)
    if arguments.json:
        for review in found:
            print(json.dumps(asdict(review)))  # noqa: T201
        return
    console = Console()
    print_table(console, [_row(review) for review in found], widest="question")
    counts = ", ".join(f"{count} {name}" for name, count in store.labels.review_counts().items())
    console.print(Text(f"reviews: {counts}. `automathes problems audit` looks for more", style="dim"))


def _row(review: Review) -> dict[str, str]:
    return {
        "review": str(review.id),
        "problem": review.problem_id,
        "question": review.question,
        "label": answer_shown(review.label),
        "proposed": review.proposed_answer,
        "sure": percent(review.score),
        "status": review.status.value,
    }


def _show_all(store: Store, arguments: argparse.Namespace) -> None:
    for review_id in arguments.ids:
        review = store.labels.review(review_id)
        if arguments.json:
            rollouts = [asdict(rollout) for rollout in _examples(store, review)]
            print(json.dumps(asdict(review) | {"attempts": rollouts}, indent=2))  # noqa: T201
        else:
            Console().print(_drawn(store, review))


def _go_through(store: Store, verdicts: Verdicts, by: str) -> None:
    console = Console()
    waiting = store.labels.reviews(ReviewStatus.OPEN)
    if not waiting:
        console.print("no review is open; `automathes problems audit` looks for labels in doubt")
    for number, review in enumerate(waiting, start=1):
        console.print(_drawn(store, review), Text(f"review {number} of {len(waiting)}", style="dim"))
        choice, reason = _ask(console, review)
        if choice == "quit":
            return
        if choice == "accept":
            console.print(Text(_said(review, store.labels.accept(review.id, by, reason, verdicts.judge))))
        elif choice == "reject":
            store.labels.reject(review.id, by, reason)
            console.print(Text(_said(review, None)))


def _ask(console: Console, review: Review) -> tuple[str, str]:
    """(accept, reject, skip or quit; why). The end of the input is a wish to quit."""
    proposed, label = answer_shown(review.proposed_answer), answer_shown(review.label)
    question = Text(f"is {proposed} right and {label} wrong? (a)ccept, (r)eject, (s)kip, (q)uit", style="bold")
    choices = {name[0]: name for name in ("accept", "reject", "skip", "quit")}
    try:
        choice = choices[Prompt.ask(question, choices=list(choices), default="s", console=console)]
        reason = ""
        while choice in ("accept", "reject") and not reason.strip():
            reason = Prompt.ask("why", console=console)
    except EOFError:
        return "quit", ""
    return choice, reason


def _drawn(store: Store, review: Review) -> RenderableType:
    parts: list[RenderableType] = [
        Text(printable_lines(review.question)),
        Text("\n".join(_facts(review)), style="bold"),
    ]
    for rollout in _examples(store, review):
        parts += [Text(f"\nattempt {rollout.id}", style="dim"), *_program(rollout)]
    title = Text(f" review {review.id}: {printable(review.problem_id)} ", style="bold")
    return Panel(Group(*parts), title=title, title_align="left", box=box.ROUNDED)


def _facts(review: Review) -> list[str]:
    evidence = review.evidence
    facts = [
        f"label {answer_shown(review.label)}; likely {answer_shown(review.proposed_answer)} "
        f"({percent(review.score)} sure)"
    ]
    if evidence:
        policies = ", ".join(f"v{version}" for version in evidence["policy_versions"]) or "no known version"
        answers = ", ".join(f"{printable(answer)} x{count}" for answer, count in evidence["answers"].items())
        facts += [
            f"{evidence['reached_by_code']} of {evidence['attempts']} attempts reach it by code, in "
            f"{evidence['programs']} different programs; {evidence['label_attempts']} reach the label",
            f"answers: {answers}; policies: {policies}",
        ]
    if review.decided_by is not None:
        facts.append(f"{review.status.value} by {printable(review.decided_by)}: {printable(review.reason or '')}")
    return facts


def _program(rollout: Rollout) -> list[RenderableType]:
    """Code and what it printed, without the prose."""
    parts: list[RenderableType] = []
    for segment in rollout.segments:
        if segment.kind is SegmentKind.CODE:
            parts.append(Syntax(printable_lines(segment.text.rstrip()), "python", theme="ansi_dark", word_wrap=True))
        elif segment.kind is SegmentKind.OUTPUT:
            parts.append(Text(f"→ {printable_lines(segment.text.rstrip())}", style="green"))
    return parts


def _examples(store: Store, review: Review) -> list[Rollout]:
    return store.rollouts.by_id(list(review.evidence.get("rollouts", []))[:_EXAMPLES])
