"""Scores for the solutions among which a value model chooses what is trained on."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import batched
from typing import Any

import ray

from actors.scoring.published import ScoringWorker
from actors.scoring.scorer import ScoringError
from cluster.config.run_config import ConfigError
from cluster.config.value_models import SELECTION_OPTION, choose_model, value_files
from cluster.loop.iteration.context import LoopContext
from cluster.loop.placement.names import ActorNames
from learner.settings import OPENMP_ENVIRONMENT
from store.artifacts.errors import StorageError
from store.records import ValueModel
from store.settings import SelectionSettings

log = logging.getLogger(__name__)

_BATCH = 64
_POLL_S = 0.5
_SILENCE_S = 900.0  # a wait for a GPU, or a model that loads gigabytes


class Valuing:
    """Has the candidates of a training set scored before a value model chooses among them.

    A failure is ours, not the policy's: the newest are selected then. `on_poll` is called about twice a second; it may
    raise to end a wait.
    """

    def __init__(self, loop: LoopContext, on_poll: Callable[[], None]) -> None:
        self._loop = loop
        self._run = loop.run
        self._values = loop.store.values
        self._on_poll = on_poll
        self._names = ActorNames(loop.folder.path.name)
        self.waits_for: str | None = None
        """What holds the scoring up, in words; None while it goes on."""

    def resolve(self, selection: SelectionSettings) -> SelectionSettings:
        """The selection by the value model that is meant, with its candidates scored; others as they are."""
        if selection.prefer != "value" or not selection.attempts:
            return selection
        try:
            model = choose_model(self._loop.store, selection.value_model, SELECTION_OPTION)
        except ConfigError as error:
            self._note(f"the newest solutions are trained on: {error}")
            return _newest(selection)
        resolved = selection.model_copy(update={"value_model": model.version})
        try:
            self._score(model, self._values.contenders(resolved))
        except (ScoringError, StorageError) as error:
            self._note(f"value model {model.version} does not choose this time, but the newest are trained on: {error}")
            return _newest(selection)
        return resolved

    def _score(self, model: ValueModel, seqs: list[int]) -> None:
        if not seqs:
            return
        progress, done = self._loop.operator.progress, 0
        with self._loop.phases.run("score", len(seqs)), self._worker(model) as worker:
            for batch in batched(seqs, _BATCH):
                attempts = self._values.unscored_of(model.version, batch)
                sequences, keys = [attempt.ids for attempt in attempts], [attempt.seq for attempt in attempts]
                scores = self._result(worker.score.remote(sequences, keys))
                self._values.add_scores(model.version, list(zip(keys, scores, strict=True)))
                done += len(batch)
                progress.advance(done, len(seqs))

    @contextmanager
    def _worker(self, model: ValueModel) -> Iterator[Any]:
        """An actor with the value model, which needs what the engine of a sampler does; its end frees it."""
        sampler = self._run.sampler
        worker = (
            ray.remote(ScoringWorker)
            .options(
                **self._names.options("value-model"),
                num_cpus=0,
                num_gpus=sampler.gpus_per_sampler,
                runtime_env={"env_vars": OPENMP_ENVIRONMENT},
            )
            .remote(value_files(self._loop.folder, model), sampler.engine)
        )
        try:
            yield worker
        finally:
            ray.kill(worker)

    def _result(self, reference: Any) -> list[float]:
        began = time.monotonic()
        try:
            while not ray.wait([reference], timeout=_POLL_S)[0]:
                self._on_poll()
                silent_s = time.monotonic() - began
                self.waits_for = f"the value model has been silent for {silent_s:.0f} s" if silent_s > 60 else None
                if silent_s > _SILENCE_S:
                    raise ScoringError(f"nothing from it for {silent_s:.0f} s; is a GPU free for it?")
            scores: list[float] = ray.get(reference)
        except ray.exceptions.RayError as error:
            log.exception("a value model failed")
            raise ScoringError(str(getattr(error, "cause", error)).partition("\n")[0]) from error
        finally:
            self.waits_for = None
        return scores

    def _note(self, text: str) -> None:
        log.warning("%s", text)
        self._loop.operator.progress.note(text)


def _newest(selection: SelectionSettings) -> SelectionSettings:
    return selection.model_copy(update={"prefer": "newest", "value_model": None})
