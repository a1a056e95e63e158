"""The attempts that a worker has leased: queued, under way, or sampled and not written yet."""

from collections.abc import Callable

from store.records import Assignment, Rollout, rollout_id


class HeldAttempts:
    """Attempts by leased assignment. What is leased again while it is held is not held twice."""

    def __init__(self) -> None:
        self._unwritten: dict[int, set[str]] = {}  # rollout ids by assignment
        self._unsampled: dict[int, set[str]] = {}
        self._begun: set[str] = set()  # of those that are not sampled
        self._evaluations: set[str] = set()  # of those that are not sampled

    @property
    def total(self) -> int:
        """The number of attempts that are not written yet."""
        return sum(len(names) for names in self._unwritten.values())

    @property
    def include_evaluations(self) -> bool:
        """Whether attempts of evaluations are queued or under way."""
        return bool(self._evaluations)

    def add(self, assignment: Assignment) -> list[int]:
        """Hold the pending attempts of an assignment; returns the sample indexes of those that were not held."""
        held = self._unwritten.get(assignment.id, set())
        new = {i: name for i in assignment.pending if (name := rollout_id(assignment.id, i)) not in held}
        if new:
            self._unwritten.setdefault(assignment.id, set()).update(new.values())
            self._unsampled.setdefault(assignment.id, set()).update(new.values())
        if assignment.policy_version is not None:
            self._evaluations.update(new.values())
        return list(new)

    def begin(self, assignment_id: int, sample_index: int) -> None:
        """A slot begins with an attempt."""
        self._begun.add(rollout_id(assignment_id, sample_index))

    def mark_sampled(self, rollout: Rollout) -> None:
        """An attempt has ended; its rollout waits to be written."""
        self._begun.discard(rollout.id)
        self._evaluations.discard(rollout.id)
        _remove(self._unsampled, rollout)

    def mark_written(self, rollout: Rollout) -> None:
        """The store has acknowledged a rollout."""
        _remove(self._unwritten, rollout)

    def progressing(self, is_progressing: Callable[[str], bool]) -> list[int]:
        """The assignments whose lease is to be extended.

        Those with an attempt that makes progress, those that wait only to be written and, as long as any attempt makes
        progress and so a slot will become free, those that none is under way of.
        """
        active = {name for name in self._begun if is_progressing(name)}
        moves = bool(active) or not self._begun
        return [number for number in self._unwritten if self._progresses(number, active, moves=moves)]

    def _progresses(self, assignment: int, active: set[str], *, moves: bool) -> bool:
        names = self._unsampled.get(assignment)
        if not names:
            return True
        return not names.isdisjoint(active) or (moves and names.isdisjoint(self._begun))


def _remove(by_assignment: dict[int, set[str]], rollout: Rollout) -> None:
    assert rollout.assignment_id is not None
    names = by_assignment[rollout.assignment_id]
    names.remove(rollout.id)
    if not names:
        del by_assignment[rollout.assignment_id]
