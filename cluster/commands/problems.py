"""`automathes problems list` and `show`: what is in a run's store, and what imports left out."""

import argparse
import json
from collections import Counter
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.text import Text

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.tables import answer_shown, print_table, printable, printable_lines
from store.records import Split
from store.store import Store


def list_problems(arguments: argparse.Namespace) -> int:
    """Prints problems of a run, or what imports left out, as a table or as one JSON object a line.

    Raises:
        ConfigError: there is no such run.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    split = Split(arguments.split) if arguments.split else None
    with folder.open_store(folder.read_config()) as store:
        if arguments.left_out and split is not None:
            raise ConfigError("--left-out lists what is on neither side: leave --split out")
        listed: list[Any] = list(
            store.problems.exclusions(arguments.limit)
            if arguments.left_out
            else store.problems.iterate(split, arguments.limit)
        )
        if arguments.json:
            for one in listed:
                print(json.dumps(asdict(one)))  # noqa: T201
        elif arguments.left_out:
            _print_left_out(listed, store.problems.exclusion_count())
        else:
            _print_problems(listed, store.problems.counts(), split)
    return 0


def show_problem(arguments: argparse.Namespace) -> int:
    """Prints a problem with the history of its label, its reviews and what became of its attempts.

    Raises:
        ConfigError: there is no such run.
        UnknownRecordError: it has no such problem.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    with folder.open_store(folder.read_config()) as store:
        shown = _problem_in_full(store, arguments.id)
    if arguments.json:
        print(json.dumps(shown, indent=2))  # noqa: T201
    else:
        _print_in_full(shown)
    return 0


def _print_problems(problems: list[Any], counts: dict[str, int], split: Split | None) -> None:
    console = Console()
    rows = [
        {"id": one.id, "split": one.split.value, "question": one.question, "answer": answer_shown(one.answer)}
        for one in problems
    ]
    print_table(console, rows, widest="question")
    total = counts[split.value] if split else sum(counts.values())
    console.print(Text(f"{len(problems)} of {total:,} problems", style="dim"))


def _print_left_out(left_out: list[Any], total: int) -> None:
    console = Console()
    rows = [
        {
            "source": one.source,
            "question": one.question,
            "held out": one.heldout_id,
            "similarity": f"{one.similarity:.0%}",
        }
        for one in left_out
    ]
    print_table(console, rows, widest="question")
    console.print(Text(f"{len(left_out)} of {total:,} problems left out, each like a held-out one", style="dim"))


def _problem_in_full(store: Store, problem_id: str) -> dict[str, Any]:
    problem = store.problems.get(problem_id)
    rollouts = list(store.rollouts.iterate(problem_id=problem_id))
    answers = Counter(rollout.answer for rollout in rollouts if rollout.answer is not None)
    return asdict(problem) | {
        "label_history": [asdict(change) for change in store.labels.history(problem_id)],
        "reviews": [asdict(review) for review in store.labels.reviews(problem_id=problem_id)],
        "rollouts": len(rollouts),
        "outcomes": dict(Counter(rollout.outcome.value for rollout in rollouts)),
        "answers": dict(answers.most_common()),
    }


def _print_in_full(shown: dict[str, Any]) -> None:
    console = Console()
    facts = {name: shown[name] for name in ("split", "source", "subject", "level") if shown[name]}
    console.print(
        Text(printable(shown["id"]), style="bold"), Text(", ".join(map(printable, facts.values())), style="dim")
    )
    console.print(Text(printable_lines(shown["question"])))
    console.print(Text(f"answer: {answer_shown(shown['answer'])}", style="bold"))
    for change in shown["label_history"]:
        console.print(
            Text(f"  was {printable(change['old_answer'])} until {change['changed_by']}: {printable(change['reason'])}")
        )
    for review in shown["reviews"]:
        console.print(
            Text(f"review {review['id']} ({review['status']}): {printable(review['proposed_answer'])} instead")
        )
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in shown["outcomes"].items()) or "none"
    console.print(Text(f"{shown['rollouts']} rollouts: {outcomes}"))
    for answer, count in list(shown["answers"].items())[:10]:
        console.print(Text(f"  {count:4} x {printable(answer)}"))
