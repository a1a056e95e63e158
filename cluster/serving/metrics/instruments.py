"""The metrics of a replica, by name."""

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "automathes_serving_"
SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 60.0, 150.0, 600.0)
"""The upper bounds of a histogram's buckets [s]."""


class Kind(StrEnum):
    """Prometheus' types of metrics."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One metric. Its name follows `PREFIX`."""

    name: str
    kind: Kind
    description: str
    labels: tuple[str, ...] = ()


REQUESTS = Instrument("requests_total", Kind.COUNTER, "requests answered", ("route", "status"))
REQUEST_S = Instrument("request_seconds", Kind.HISTOGRAM, "from a request to the end of its response [s]", ("route",))
FIRST_TOKEN_S = Instrument("first_token_seconds", Kind.HISTOGRAM, "from a request to its first text [s]")
TOKENS = Instrument("tokens_total", Kind.COUNTER, "tokens sampled")
ACTIVE = Instrument("active", Kind.GAUGE, "texts that are being made")
QUEUED = Instrument("queued", Kind.GAUGE, "texts that wait for a slot")
POLICY_VERSION = Instrument("policy_version", Kind.GAUGE, "the version that is served")
READY = Instrument("ready", Kind.GAUGE, "1 once the policies are loaded")

INSTRUMENTS = (REQUESTS, REQUEST_S, FIRST_TOKEN_S, TOKENS, ACTIVE, QUEUED, POLICY_VERSION, READY)
