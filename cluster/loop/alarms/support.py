"""The support of accepted rollouts, by iteration, as the store has it."""

from collections.abc import Iterable

from eval.support import SupportCounts
from store.runs.iterations import Iteration
from store.store import Store


def read_support(store: Store, iterations: Iterable[Iteration]) -> list[SupportCounts]:
    """The counts of each iteration: of a closed one from its figures, of an open one from an index.

    So no rollout is read, however many are stored. Iterations that ended before support was judged are left out.
    """
    found = []
    for iteration in iterations:
        if iteration.closed_at is None:
            counts = store.iterations.support(iteration.number)
        else:
            counts = iteration.metrics.get("support") or {}
        if counts:
            found.append(SupportCounts.of(iteration.number, counts))
    return found
