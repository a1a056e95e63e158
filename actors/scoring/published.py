"""Scorers of value models that were published: in a folder, or under a URL and then from this machine's cache."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from actors.scoring.loading import ScoringEngine, open_scorer
from actors.scoring.scorer import Scorer, require_finite
from actors.settings import EngineSettings
from store.artifacts.cache import Cache
from store.artifacts.location import Location
from store.settings import StorageSettings


@dataclass(frozen=True, slots=True)
class Published:
    """Where a policy or a value model is, and what its files sum up to."""

    location: Location
    checksum: str | None


@dataclass(frozen=True, slots=True)
class ValueFiles:
    """The files of a value model, and the settings of the storage that they are in.

    With a `policy` scores come from the adapter of the value model beside the weights of the policy.
    """

    version: int
    model: Published
    storage: StorageSettings
    policy: Published | None = None


@contextmanager
def published_scorer(files: ValueFiles, engine: ScoringEngine, settings: EngineSettings) -> Iterator[Scorer]:
    """The scorer of a value model for the time of the context, in which its files stay on this machine.

    Raises:
        ScoringError: it could not be loaded.
        StorageError: its files could not be fetched.
    """
    with (
        _held(files.model, files.storage) as folder,
        _held(files.policy, files.storage) if files.policy else nullcontext() as policy,
        open_scorer(engine, folder, settings, policy) as scorer,
    ):
        yield scorer


def _held(files: Published, storage: StorageSettings) -> AbstractContextManager[Path]:
    return Cache(storage).held(files.location, files.checksum)


class ScoringWorker:
    """A value model that is loaded by the first call, for an actor or a thread of its own."""

    def __init__(self, files: ValueFiles, settings: EngineSettings, engine: ScoringEngine = "auto") -> None:
        self._files = files
        self._settings = settings
        self._engine: ScoringEngine = engine
        self._open = ExitStack()
        self._scorer: Scorer | None = None

    def load(self) -> Scorer:
        """Load the value model if it is not. Raises what `published_scorer` does."""
        if self._scorer is None:
            self._scorer = self._open.enter_context(published_scorer(self._files, self._engine, self._settings))
        return self._scorer

    def score(self, sequences: Sequence[Sequence[int]], keys: Sequence[int] | None = None) -> list[float]:
        """See `Scorer.score`. Raises what `load` does, and `ScoringError` for a score that is no finite number."""
        scores = self.load().score(sequences, keys)
        require_finite(scores)
        return scores

    def close(self) -> None:
        """Free the value model. Can be repeated."""
        self._scorer = None
        self._open.close()
