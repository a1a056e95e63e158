"""The load of a running vLLM engine, as its scheduler reports it once a second."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """Requests that are computed, requests that wait for room, and the share of the KV cache in use (0 to 1)."""

    running: int = 0
    waiting: int = 0
    kv_cache_use: float = 0.0


class LoadListener:
    """Keeps the latest load of an engine."""

    def __init__(self) -> None:
        self.latest = EngineLoad()

    def attach(self, engine: Any) -> None:
        """Listen to vLLM's `AsyncLLM`: without stats of its own, it passes the scheduler's to this method only.

        `actors.engine.extensions.scheduler` makes them.
        """
        engine.output_processor.update_scheduler_stats = self._update

    def _update(self, stats: Any | None) -> None:
        if stats is not None:
            self.latest = EngineLoad(stats.num_running_reqs, stats.num_waiting_reqs, stats.kv_cache_usage)
