"""What a replica has done and what it is doing, told to all sinks."""

import asyncio
from collections.abc import Sequence

from cluster.serving.metrics.instruments import (
    ACTIVE,
    FIRST_TOKEN_S,
    POLICY_VERSION,
    QUEUED,
    READY,
    REQUEST_S,
    REQUESTS,
    TOKENS,
    Instrument,
)
from cluster.serving.metrics.sinks import PrometheusPage, Sink
from cluster.serving.policies.served import ServedPolicies

_INTERVAL_S = 5.0


class ServingMetrics:
    """Observes a replica."""

    def __init__(self, policies: ServedPolicies, others: Sequence[Sink] = ()) -> None:
        self._policies = policies
        self._page = PrometheusPage()
        self._sinks: tuple[Sink, ...] = (self._page, *others)

    def observe_request(self, route: str, status: int, seconds: float) -> None:
        """A response has ended."""
        self._record(REQUESTS, 1, route, str(status))
        self._record(REQUEST_S, seconds, route)

    def observe_first_token(self, seconds: float) -> None:
        """The first text of a reply was made."""
        self._record(FIRST_TOKEN_S, seconds)

    def count_tokens(self, tokens: int) -> None:
        """A text has ended."""
        self._record(TOKENS, tokens)

    def exposition(self) -> tuple[bytes, str]:
        """The metrics in Prometheus' text format, and its content type."""
        self.observe_state()
        return self._page.exposition()

    def observe_state(self) -> None:
        """What the replica is doing now."""
        policies = self._policies
        self._record(ACTIVE, policies.slots.in_flight)
        self._record(QUEUED, policies.slots.waiting)
        self._record(POLICY_VERSION, policies.main.version)
        self._record(READY, float(policies.is_ready))

    async def observe_state_forever(self) -> None:
        """Observe it every few seconds: not all sinks ask."""
        while True:
            self.observe_state()
            await asyncio.sleep(_INTERVAL_S)

    def _record(self, instrument: Instrument, value: float, *labels: str) -> None:
        for sink in self._sinks:
            sink.record(instrument, value, labels)
