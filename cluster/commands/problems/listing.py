"""`automathes problems list` and `show`: the problems in a run's store, and those that imports excluded."""

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json
from cluster.console.tables.columns import printable
from cluster.console.tables.problem_effort import explain, print_effort
from cluster.console.tables.problem_tables import print_exclusions, print_problem, print_problems
from store.records import Problem, Split
from store.runs.scheduling.decisions import ProblemEffort
from store.settings import SchedulingRule
from store.store import Store

_MAX_FOUND = 5
_WORTH = ("pass_rate", "evidence", "new_rate", "known", "pending", "tokens", "weight")


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
    """Show a problem with its label history, its reviews, the outcomes of its rollouts and how it was scheduled.

    Raises:
        ConfigError: there is no such run, or several problems contain the text.
        UnknownRecordError: it has no such problem.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    rule = config.iteration.scheduling
    with folder.open_store(config) as store:
        found = _find_problem(store, arguments.id)
        effort = store.iterations.effort(found.id)
        problem = _problem_in_full(store, found) | {"effort": _effort_in_full(effort, rule)}
    if arguments.json:
        print_json(problem, indent=2)
    else:
        print_problem(problem)
        print_effort(effort, rule)
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


def _find_problem(store: Store, text: str) -> Problem:
    """The problem with this id, or else the only one whose id or question contains the text."""
    found = store.problems.find(text, limit=_MAX_FOUND + 1)
    if len(found) > 1:
        ids = ", ".join(printable(problem.id) for problem in found[:_MAX_FOUND])
        more = ", ..." if len(found) > _MAX_FOUND else ""
        raise ConfigError(f"several problems have {text!r} in their id or question: {ids}{more}. Give one of these ids")
    return found[0] if found else store.problems.get(text)


def _effort_in_full(effort: ProblemEffort, rule: SchedulingRule) -> dict[str, Any]:
    worth = effort.worth and {name: value for name, value in effort.worth._asdict().items() if name in _WORTH}
    return asdict(effort) | {"worth": worth, "rule": rule, "reason": explain(effort, rule)}


def _problem_in_full(store: Store, problem: Problem) -> dict[str, Any]:
    problem_id = problem.id
    rollouts = list(store.rollouts.iterate(problem_id=problem_id))
    answers = Counter(rollout.answer for rollout in rollouts if rollout.answer is not None)
    return asdict(problem) | {
        "label_history": [asdict(change) for change in store.labels.history(problem_id)],
        "reviews": [asdict(review) for review in store.labels.reviews(problem_id=problem_id)],
        "rollouts": len(rollouts),
        "outcomes": dict(Counter(rollout.outcome.value for rollout in rollouts)),
        "answers": dict(answers.most_common()),
    }
