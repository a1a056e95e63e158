"""Edited solutions of other tools: run again before they are stored, as those of the pages are."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from cluster.config.run_config import RunConfig
from cluster.review.applying import decisions_in_effect
from cluster.review.editing import Workshop
from store.records import EditedSolution, ImportedDecision, ReviewItem, ReviewKind
from store.store import Store


@dataclass(frozen=True, slots=True)
class RunEdits:
    """Decisions of which each edit has been run, and in words which were left out, and why."""

    decisions: list[ImportedDecision]
    refused: list[str]


async def run_edits(store: Store, config: RunConfig, imported: Iterable[ImportedDecision]) -> RunEdits:
    """Run the edited solutions of decisions in the sandbox; those that are in effect as they are need not run.

    Raises:
        SandboxUnavailable: nothing can be isolated on this host.
        AnswerCheckFailed: the checker's processes failed; the call can be repeated.
    """
    found, workshop = RunEdits([], []), Workshop(config)
    try:
        for decision in imported:
            item = None if decision.edited is None else store.reviews.find(decision.item_key)
            if item is None:  # no edit, or on an item that is not there, which is counted with the others
                found.decisions.append(decision)
                continue
            edit, faults = await _run(store, workshop, item, decision)
            if edit is None:
                found.refused.append(f"{decision.item_key} by {decision.reviewer}: {' '.join(faults)}")
            else:
                found.decisions.append(replace(decision, edit=edit))
    finally:
        await workshop.close()
    return found


async def _run(
    store: Store, workshop: Workshop, item: ReviewItem, decision: ImportedDecision
) -> tuple[EditedSolution | None, list[str]]:
    """The edited solution as it can be stored, or what is wrong with it."""
    if item.kind is not ReviewKind.SOLUTION:
        return None, ["Only solutions can be edited."]
    text = decision.edited or ""
    wanted = decision.reviewer, decision.note, text
    for own in decisions_in_effect(store, item):
        if own.edit is not None and (own.reviewer, own.note, own.edit.text) == wanted:
            return own.edit, []
    rollouts = store.rollouts.by_id([item.rollout_id or ""])
    if not rollouts:
        return None, ["The solution is not in the store any more."]
    run = await workshop.run(store.problems.get(item.problem_id), rollouts[0].solution_format, text)
    return run.edit, list(run.faults)
