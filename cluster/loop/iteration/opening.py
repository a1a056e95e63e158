"""Opening: schedules the assignments of an iteration, which samplers then lease."""

from cluster.loop.iteration.context import LoopContext
from store.records import Sampling


def open_iteration(loop: LoopContext, number: int) -> None:
    """Open an iteration with the latest policy and schedule it; one that is scheduled already stays as it is."""
    run, store = loop.run, loop.store
    settings = run.iteration
    store.iterations.open(number, store.policies.require_latest().version)
    if run.mode == "self_training":
        store.iterations.schedule(
            number,
            settings.problems,
            settings.samples_per_problem,
            Sampling(settings.temperature, settings.top_p),
            settings.scheduling,
            seed=run.seed + number,
        )
