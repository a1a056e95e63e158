"""`automathes review --collected`: turn rated completions of a server into training problems, or reject them."""

import argparse
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from cluster.commands.answer_checks import AnswerChecks
from cluster.commands.reviews.options import act, check_answer, check_options, decided_by, require_readable
from cluster.config.run_config import ConfigError
from cluster.console.collected_panel import describe_outcome, draw_collected, print_collected, prompt_answer
from cluster.console.output import print_json, print_line
from cluster.console.review_panel import prompt_decision
from store.records import CollectedCompletion, ReviewStatus
from store.store import Store


def review_collected(arguments: argparse.Namespace) -> int:
    """List collected completions, show some, or decide on them. On a terminal, step through the rated ones.

    Raises:
        ConfigError: there is no such run, the options contradict each other, or an answer is missing or unreadable.
        UnknownRecordError: there is no such completion.
        ReviewDecidedError: it was decided otherwise before.
        InvalidProblemError: it cannot be a problem.
        SandboxUnavailable: an answer needs algebra, and nothing can be isolated on this host.
    """
    check_options(arguments)
    check_answer(arguments)
    return act(_Collected(), arguments)


class _Collected:
    """Rated completions of a server."""

    def decide(self, store: Store, checks: AnswerChecks, arguments: argparse.Namespace) -> None:
        """Decide on those with the given numbers."""
        by, reason = decided_by(arguments), arguments.reason
        found = [store.feedback.get(number) for number in arguments.ids]
        if arguments.accept:
            answers = [_answer_for(one, arguments.answer) for one in found]
            pairs = zip(found, answers, strict=True)
            decided = [_accept(store, checks, one.number, answer, by, reason) for one, answer in pairs]
        else:
            decided = [store.feedback.reject(one.number, by, reason) for one in found]
        if arguments.json:
            print_json([asdict(one) for one in decided], indent=2)
        else:
            for one in decided:
                print_line(describe_outcome(one))

    def list_all(self, store: Store, arguments: argparse.Namespace) -> None:
        """List all with a status."""
        status = None if arguments.status == "all" else ReviewStatus(arguments.status or "open")
        found = store.feedback.collected(status, arguments.limit)
        if arguments.json:
            for one in found:
                print_json(asdict(one))
        else:
            print_collected(found, store.feedback.counts())

    def show(self, store: Store, arguments: argparse.Namespace) -> None:
        """Show those with the given numbers."""
        for number in arguments.ids:
            collected = store.feedback.get(number)
            if arguments.json:
                print_json(asdict(collected), indent=2)
            else:
                Console().print(draw_collected(collected))

    def step_through(self, store: Store, checks: AnswerChecks, by: str) -> None:
        """Ask for a decision on each open one."""
        console = Console()
        found = store.feedback.collected(ReviewStatus.OPEN)
        if not found:
            console.print("no rated completion is open; `automathes serve --collect` collects them")
        for position, collected in enumerate(found, start=1):
            console.print(draw_collected(collected), Text(f"completion {position} of {len(found)}", style="dim"))
            choice, reason = prompt_decision(console, "make a training problem of it?")
            if choice == "quit":
                return
            if choice == "accept":
                answer = prompt_answer(console, collected)
                if answer is None:
                    return
                decided = _accept(store, checks, collected.number, answer, by, reason)
                console.print(Text(describe_outcome(decided)))
            elif choice == "reject":
                console.print(Text(describe_outcome(store.feedback.reject(collected.number, by, reason))))


def _answer_for(collected: CollectedCompletion, given: str | None) -> str:
    answer = given or collected.completion.proposed_answer
    if answer is None:
        raise ConfigError(f"completion {collected.number}: no rating names its answer: add --answer TEXT")
    return answer


def _accept(store: Store, checks: AnswerChecks, number: int, answer: str, by: str, reason: str) -> CollectedCompletion:
    require_readable(checks, f"completion {number}", store.feedback.problem(number, answer).answer)
    return store.feedback.accept(number, answer, by, reason)
