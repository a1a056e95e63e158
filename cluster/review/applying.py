"""What follows from settled items: a corrected label, an excluded solution, a demonstration that a reviewer wrote."""

import asyncio
import functools
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.review.editing import Workshop
from store.artifacts.cache import Cache
from store.artifacts.errors import StorageError
from store.errors import ReviewDecidedError
from store.records import (
    Outcome,
    Problem,
    ReviewDecision,
    ReviewItem,
    ReviewKind,
    ReviewVerdict,
    Rollout,
    Split,
)
from store.store import Store


class NoTokenizerError(Exception):
    """An edited solution cannot be made a demonstration yet: no folder of a policy of the run is to be found."""


class Effects:
    """Applies settled items. Each may be applied twice, by two servers or after a crash: the second changes nothing."""

    def __init__(self, store: Store, folder: RunFolder, config: RunConfig, workshop: Workshop) -> None:
        self._store = store
        self._folder = folder
        self._config = config
        self._workshop = workshop

    async def apply_due(self, undo_s: float) -> int:
        """Apply the items that were settled at least `undo_s` ago; returns how many.

        Raises:
            StoreError, StorageError, NoTokenizerError, SandboxUnavailable, AnswerCheckFailed: one could not be applied;
                it stays due, and so do those after it.
        """
        applied = 0
        while due := await asyncio.to_thread(self._store.reviews.due, undo_s):
            done = [await asyncio.to_thread(self._apply, item, asyncio.get_running_loop()) for item in due]
            applied += sum(done)
            if not any(done):  # by another server, just now
                break
        return applied

    def _apply(self, item: ReviewItem, loop: asyncio.AbstractEventLoop) -> bool:
        if item.kind is ReviewKind.LABEL:
            return self._apply_to_label(item, loop)
        if item.verdict is ReviewVerdict.REJECT:
            return self._reject_solution(item)
        kept = "kept" if item.verdict is ReviewVerdict.ACCEPT else "nothing: reviewers did not agree"
        return self._store.reviews.mark_applied(item.id, kept)

    # ---------------------------------------------------------------- labels

    def _apply_to_label(self, item: ReviewItem, loop: asyncio.AbstractEventLoop) -> bool:
        assert item.label_review_id is not None  # of every label
        decisions = decisions_in_effect(self._store, item)
        by = ", ".join(one.reviewer for one in decisions if one.verdict is item.verdict)
        notes = "; ".join(one.note for one in decisions if one.note.strip())
        try:
            if item.verdict is ReviewVerdict.ACCEPT:
                judge = functools.partial(_judge, self._workshop, loop)
                found = self._store.labels.accept(item.label_review_id, by, notes or "reviewed", judge)
                effect = f"the label is corrected: {found.accepted} of {found.rollouts} rollouts became correct"
            elif item.verdict is ReviewVerdict.REJECT:
                self._store.labels.reject(item.label_review_id, by, notes or "reviewed")
                effect = "the label stays"
            else:
                effect = "nothing: reviewers did not agree; the terminal review still has it"
        except ReviewDecidedError as error:
            effect = f"nothing: {error}"
        return self._store.reviews.mark_applied(item.id, effect)

    # ---------------------------------------------------------------- solutions

    def _reject_solution(self, item: ReviewItem) -> bool:
        problem = self._store.problems.get(item.problem_id)
        edited = [one for one in decisions_in_effect(self._store, item) if one.edit is not None]
        if problem.split is not Split.TRAIN:  # withdrawn from training meanwhile
            edited = []
        (original,) = self._store.rollouts.by_id([item.rollout_id or ""])
        made = self._demonstrations(problem, edited, original)
        self._store.rollouts.add(made.values())
        count = len({rollout.id for rollout in made.values()})
        effect = "excluded from training"
        if count:
            effect += f"; {count} edited solution{'s' if count > 1 else ''} stored as demonstration{'s'[: count > 1]}"
        edits = {decision_id: rollout.id for decision_id, rollout in made.items()}
        return self._store.reviews.apply_rejection(item.id, edits, effect)

    def _demonstrations(
        self, problem: Problem, edited: Sequence[ReviewDecision], original: Rollout
    ) -> dict[int, Rollout]:
        """The edited solutions as rollouts, by decision, with the tokens that the run's policies read."""
        if not edited:
            return {}
        from actors.formats import get_format
        from actors.rollouts.codec import Codec
        from actors.teachers.teacher import demonstration

        with Cache(self._config.storage).held(self._policy_folder()) as local:
            codec = Codec.from_folder(local, get_format(original.solution_format))
        made = {}
        for decision in edited:
            assert decision.edit is not None
            rollout = demonstration(codec, problem, decision.edit.turns, decision.edit.executions)
            made[decision.id] = replace(rollout, id=decision.edit.rollout_id)
        return made

    def _policy_folder(self) -> str:
        """The folder of a policy: all policies of a run have the tokenizer of the base."""
        for policy in reversed(self._store.policies.all()):
            place = None if policy.is_pruned else self._folder.find_policy(policy)
            if place is not None:
                return str(place)
        raise NoTokenizerError(
            "an edited solution waits to be stored: no folder of a policy with a tokenizer is left in this run"
        )


RETRIED = (StorageError, NoTokenizerError)


def decisions_in_effect(store: Store, item: ReviewItem) -> list[ReviewDecision]:
    """The decisions on an item that were not undone, oldest first."""
    history = store.reviews.decisions(item_id=item.id)
    undone = {one.undoes for one in history}
    return [one for one in reversed(history) if one.verdict is not ReviewVerdict.UNDO and one.id not in undone]


def _judge(
    workshop: Workshop, loop: asyncio.AbstractEventLoop, label: str, answers: Sequence[str]
) -> Mapping[str, Outcome]:
    """The checker's verdicts, from a thread; the checker lives in the loop."""
    call: Coroutine[Any, Any, Mapping[str, Outcome]] = workshop.outcomes(label, answers)
    return asyncio.run_coroutine_threadsafe(call, loop).result()
