"""Problems that reasoning-gym generates."""

import difflib
import logging
from collections.abc import Iterator
from typing import Any

from store.errors import ProblemSourceError
from store.problems.sources.rows import OnSkipped
from store.problems.sources.splitting import made_id, operands_key, question_key, side
from store.records import Problem
from store.settings import ReasoningGymSettings

log = logging.getLogger(__name__)
_DRAWS = 20  # entries drawn at most for each problem asked for: enough to find nearly all of a small task

PLAIN_ARITHMETIC = frozenset({"products", "chain_sum", "decimal_chain_sum", "gcd", "lcm", "count_bits"})
"""Tasks whose problems are their numbers: the wording around them varies, their order too."""


def generate(settings: ReasoningGymSettings, _on_skipped: OnSkipped) -> Iterator[Problem]:
    """Yields `size` distinct problems, or with a warning as many as came up. None of them is ever skipped.

    Raises:
        ProblemSourceError: no such data set, a config it does not take, or one without reference answers.
    """
    seen: set[str] = set()
    for entry in _entries(settings):
        problem = _problem(entry, settings)
        if problem.split_key in seen:
            continue
        seen.add(problem.split_key)
        yield problem
        if len(seen) == settings.size:
            return
    log.warning("reasoning_gym %s: %d distinct problems, %d asked for", settings.dataset, len(seen), settings.size)


def _entries(settings: ReasoningGymSettings) -> Any:
    import reasoning_gym  # slow to import, and only needed here
    from reasoning_gym.factory import DATASETS

    where = f"reasoning_gym data set {settings.dataset!r}"
    if settings.dataset not in DATASETS:
        near = difflib.get_close_matches(settings.dataset, DATASETS, n=3) or ["products", "chain_sum", "gcd"]
        raise ProblemSourceError(f"{where}: there is none of that name. Near ones: {', '.join(near)}")
    try:
        return reasoning_gym.create_dataset(
            settings.dataset, size=settings.size * _DRAWS, seed=settings.seed, **settings.config
        )
    except (TypeError, ValueError, AssertionError) as error:  # what its config classes raise, depending on the task
        raise ProblemSourceError(f"{where}: it does not take this config: {error}") from error


def _problem(entry: dict[str, Any], settings: ReasoningGymSettings) -> Problem:
    task, question, answer = settings.dataset, entry["question"].strip(), entry["answer"]
    if answer is None or not str(answer).strip():
        raise ProblemSourceError(f"reasoning_gym data set {task!r}: it gives no reference answer for {question[:60]!r}")
    split_by = settings.split_by or ("operands" if task in PLAIN_ARITHMETIC else "question")
    key = operands_key(task, question) if split_by == "operands" else question_key(question)
    # Without the task's name: the same operands stand on one side in gcd, lcm and every other task.
    split = settings.split or side(key.removeprefix(f"{task}:"), settings.heldout_fraction)
    return Problem(
        id=made_id(task, key),
        question=question,
        answer=str(answer).strip(),
        source=f"reasoning_gym/{task}",
        split=split,
        split_key=key,
        subject=task,
    )
