"""Attempts to read in a report: chosen from the store, of varied subjects."""

from collections.abc import Iterable

from eval.report import Solution
from store.records import Outcome, Policy, Purpose, Rollout
from store.store import Store

_NUM_PAIRS = 2
_NUM_EXAMPLES = 3  # correct, and as many wrong
_MAX_CANDIDATES = 400


class Examples:
    """Chooses attempts of a run."""

    def __init__(self, store: Store, policies: Iterable[Policy]) -> None:
        self._store = store
        self._origins = {policy.version: policy.origin for policy in policies}

    def before_and_after(self, start: int | None, served: int | None) -> list[tuple[Solution, Solution]]:
        """Attempts at held-out problems that the first policy got wrong and the served one right."""
        if start is None or served is None or start == served:
            return []
        before = {rollout.problem_id: rollout for rollout in self._attempts(start, Outcome.WRONG)}
        after = [rollout for rollout in self._attempts(served, Outcome.ACCEPTED) if rollout.problem_id in before]
        return [
            (self._solution(before[rollout.problem_id]), self._solution(rollout))
            for rollout in self._varied(after, _NUM_PAIRS)
        ]

    def of(self, served: int | None, shown: set[str]) -> list[Solution]:
        """A few correct and wrong held-out attempts of the served policy, or else the latest training rollouts."""
        chosen: list[Rollout] = []
        for outcome in (Outcome.ACCEPTED, Outcome.WRONG):
            found = [] if served is None else self._attempts(served, outcome)
            found = found or list(
                self._store.rollouts.iterate(
                    purpose=Purpose.TRAIN, outcome=outcome, limit=_MAX_CANDIDATES, newest_first=True
                )
            )
            chosen += self._varied([rollout for rollout in found if rollout.problem_id not in shown], _NUM_EXAMPLES)
        return [self._solution(rollout) for rollout in chosen]

    def _attempts(self, version: int, outcome: Outcome) -> list[Rollout]:
        found = self._store.rollouts.iterate(
            purpose=Purpose.EVAL, outcome=outcome, policy_version=version, limit=_MAX_CANDIDATES, newest_first=True
        )
        return list(found)

    def _varied(self, rollouts: list[Rollout], count: int) -> list[Rollout]:
        """The first `count` rollouts, taken in turn from each subject, without repeating a problem."""
        by_subject: dict[str, dict[str, Rollout]] = {}
        for rollout in rollouts:
            problem = self._store.problems.get(rollout.problem_id)
            by_subject.setdefault(problem.subject or problem.source, {}).setdefault(problem.id, rollout)
        queues = [list(found.values()) for found in by_subject.values()]
        chosen: list[Rollout] = []
        while len(chosen) < count and any(queues):
            for queue in queues:
                if queue and len(chosen) < count:
                    chosen.append(queue.pop(0))
        return chosen

    def _solution(self, rollout: Rollout) -> Solution:
        version = rollout.spans[-1].version if rollout.spans else None
        by = "demonstration" if version is None else f"v{version}, {self._origins.get(version, 'unknown')}"
        return Solution(self._store.problems.get(rollout.problem_id), rollout, by)
