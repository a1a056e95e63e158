"""The tracking of a run: what its store has of policies, and the steps of its trainings, go to the chosen trackers.

The store is what is followed. A run whose driver was killed gives its trackers all policies again, and each tracker
leaves out what it has: so nothing is lost, and no step is there twice.
"""

import time
from collections.abc import Callable

from cluster.config.loading import without_secrets
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.heldout import heldout_figures
from cluster.loop.tracking.feed import Feed
from cluster.loop.tracking.identity import run_identity
from cluster.loop.tracking.point import Axis, Point, TrackedRun
from cluster.loop.tracking.registry import module_of
from cluster.loop.tracking.values import policy_values, step_values
from learner.progress import StepFigures
from store.records import Policy
from store.store import Store

_CLOSE_LIMIT_S = 20.0


class Tracking:
    """Passes metrics on. A tracker that fails, blocks or is away neither stops nor slows the caller."""

    def __init__(self, run: RunConfig, folder: RunFolder, store: Store, notify: Callable[[str], None]) -> None:
        """`notify` is called, from threads, with lines for the operator. Nothing starts before the first call."""
        self._run = run
        self._folder = folder
        self._store = store
        self._notify = notify
        self._feeds: list[Feed] | None = None
        self._last_version = -1
        self._iteration = 0
        self._steps_before = 0

    def follow(self) -> None:
        """Pass on the policies that were decided on since the last call, and whose iteration is closed."""
        if not self._run.tracking.to:
            return
        points = policy_points(self._store, after=self._last_version, measures_base=self._run.evaluation.base)
        if points:
            self._last_version = points[-1].step
        self._put(points)

    def begin_training(self, iteration: int) -> None:
        """The steps that follow are those of the training for `iteration`, after the ones of all published policies."""
        if self._run.tracking.to:
            self._iteration = iteration
            self._steps_before = sum(map(_steps_of, self._store.policies.all()))

    def add_step(self, values: StepFigures | None) -> None:
        """Pass on a step of the training; one that was passed on before is left out."""
        if self._run.tracking.to and values is not None and values.loss is not None:
            step = self._steps_before + values.step
            metrics = step_values(step, self._iteration, values)
            self._put([Point(Axis.TRAINING, step, time.time(), metrics)])

    def close(self) -> None:
        """Give the trackers a moment to complete what they were given."""
        deadline = time.monotonic() + _CLOSE_LIMIT_S
        for feed in self._feeds or ():
            feed.close(max(deadline - time.monotonic(), 0.0))

    def _put(self, points: list[Point]) -> None:
        if self._feeds is None:
            self._feeds = self._start()
        for feed in self._feeds:
            feed.put(points)

    def _start(self) -> list[Feed]:
        configuration = without_secrets(self._run, self._store.masked_url)
        run = TrackedRun(
            run_identity(self._folder.path),
            self._folder.path,
            self._run.tracking,
            configuration.model_dump(mode="json", exclude_none=True),
        )
        return [Feed(name, module_of(name), run, self._notify) for name in self._run.tracking.to]


def policy_points(store: Store, after: int, *, measures_base: bool) -> list[Point]:
    """The points of the policies beyond version `after`, up to the first that is not decided on and reported.

    So policies come in the order of their versions, although a later one may be measured earlier. A base that is not
    to be measured has nothing to report.
    """
    closed = {one.number: one for one in store.iterations.all() if one.closed_at is not None}
    measured, published_at = heldout_figures(store.evaluations.figures()), store.policies.published_at()
    points: list[Point] = []
    for policy in store.policies.all():
        if policy.version <= after or (policy.parent is None and policy.decision is None and not measures_base):
            continue
        iteration = closed.get(policy.iteration or 0)
        if policy.decision is None or (policy.iteration and iteration is None):
            break
        figures = iteration.metrics if iteration and iteration.metrics.get("policy_version") == policy.version else None
        values = policy_values(policy, figures, measured.get(policy.version, {}))
        at_s = (iteration and iteration.closed_at) or published_at[policy.version]
        points.append(Point(Axis.POLICY, policy.version, at_s, values))
    return points


def _steps_of(policy: Policy) -> int:
    """The steps of a policy's training, those that were skipped included."""
    return int((policy.metrics.get("steps") or 0) + (policy.metrics.get("skipped_steps") or 0))
