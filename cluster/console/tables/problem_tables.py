"""Problems and exclusions, as the `automathes problems` commands print them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from cluster.console.tables.columns import format_label, print_table, printable, printable_lines
from store.records import Exclusion, Problem, Split

_MAX_ANSWERS = 10


def print_problems(problems: Sequence[Problem], counts: Mapping[str, int], split: Split | None) -> None:
    """Print a table of problems, and how many there are."""
    console = Console()
    rows = [
        {"id": one.id, "split": one.split.value, "question": one.question, "answer": format_label(one.answer)}
        for one in problems
    ]
    print_table(console, rows, widest="question")
    total = counts[split.value] if split else sum(counts.values())
    console.print(Text(f"{len(problems)} of {total:,} problems", style="dim"))


def print_exclusions(exclusions: Sequence[Exclusion], total: int) -> None:
    """Print a table of the problems that imports excluded, and how many there are."""
    console = Console()
    rows = [
        {
            "source": one.source,
            "question": one.question,
            "held out": one.heldout_id,
            "reason": one.kind.value.replace("_", " "),
            "similarity": f"{one.similarity:.0%}",
        }
        for one in exclusions
    ]
    print_table(console, rows, widest="question")
    console.print(
        Text(f"{len(exclusions)} of {total:,} excluded problems, each similar to a held-out problem", style="dim")
    )


def print_problem(problem: Mapping[str, Any]) -> None:
    """Print a problem with its label history, reviews, counters, outcomes and most frequent answers."""
    console = Console()
    facts = {name: problem[name] for name in ("split", "source", "subject", "level") if problem[name]}
    console.print(
        Text(printable(problem["id"]), style="bold"), Text(", ".join(map(printable, facts.values())), style="dim")
    )
    console.print(Text(printable_lines(problem["question"])))
    console.print(Text(f"answer: {format_label(problem['answer'])}", style="bold"))
    for change in problem["label_history"]:
        old, by, reason = (printable(change[key]) for key in ("old_answer", "changed_by", "reason"))
        console.print(Text(f"  was {old} until {by}: {reason}"))
    for review in problem["reviews"]:
        proposed = printable(review["proposed_answer"])
        console.print(Text(f"review {review['id']} ({review['status']}): {proposed} proposed"))
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in problem["outcomes"].items()) or "none"
    effort = problem["effort"]
    if effort["attempts"]:
        counted = f"{effort['accepted']} of {effort['judged']} accepted, {effort['solutions']} different solutions"
        console.print(Text(f"{effort['attempts']} attempts in training: {counted}"))
    console.print(Text(f"{problem['rollouts']} rollouts: {outcomes}"))
    for answer, count in list(problem["answers"].items())[:_MAX_ANSWERS]:
        console.print(Text(f"  {count:4} x {printable(answer)}"))
