"""`automathes problems list` and `show`: the problems in a run's store, and those that imports excluded."""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json
from cluster.console.problem_tables import print_exclusions, print_problem, print_problems
from store.records import Split
from store.store import Store


def list_problems(arguments: argparse.Namespace) -> int:
    """List the problems of a run, or the exclusions of its imports, as a table or as one JSON object per line.

    Raises:
        ConfigError: there is no such run, or the options contradict each other.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    split = Split(arguments.split) if arguments.split else None
    if arguments.left_out and split is not None:
        raise ConfigError("--left-out lists problems that belong to no split: omit --split")
    with folder.open_store(folder.read_config()) as store:
        if arguments.left_out:
            _list_exclusions(store, arguments.limit, as_json=arguments.json)
        else:
            _list_problems(store, split, arguments.limit, as_json=arguments.json)
    return 0


def show_problem(arguments: argparse.Namespace) -> int:
    """Show a problem with its label history, its reviews and the outcomes of its rollouts.

    Raises:
        ConfigError: there is no such run.
        UnknownRecordError: it has no such problem.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    with folder.open_store(folder.read_config()) as store:
        problem = _problem_in_full(store, arguments.id)
    if arguments.json:
        print_json(problem, indent=2)
    else:
        print_problem(problem)
    return 0


def _list_problems(store: Store, split: Split | None, limit: int, *, as_json: bool) -> None:
    problems = list(store.problems.iterate(split, limit))
    if as_json:
        _print_each(problems)
    else:
        print_problems(problems, store.problems.counts(), split)


def _list_exclusions(store: Store, limit: int, *, as_json: bool) -> None:
    exclusions = list(store.problems.exclusions(limit))
    if as_json:
        for exclusion in exclusions:
            record = asdict(exclusion)
            record["likeness"] = record.pop("similarity")  # scripts read it by this key
            print_json(record)
    else:
        print_exclusions(exclusions, store.problems.exclusion_count())


def _print_each(records: Sequence[Any]) -> None:
    for record in records:
        print_json(asdict(record))


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
