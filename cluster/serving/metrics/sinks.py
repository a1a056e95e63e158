"""Where metrics go: a page in Prometheus' format, and Ray's own metrics, which its dashboard and its agents know."""

from typing import Any, Protocol

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from cluster.serving.metrics.instruments import INSTRUMENTS, PREFIX, SECONDS, Instrument, Kind


class Sink(Protocol):
    """Takes the values of metrics."""

    def record(self, instrument: Instrument, value: float, labels: tuple[str, ...]) -> None:
        """Add to a counter, set a gauge, or observe a histogram's value."""
        ...


class PrometheusPage:
    """A page in Prometheus' text format."""

    def __init__(self) -> None:
        disable_created_metrics()  # they double the page
        self._registry = CollectorRegistry()
        self._metrics: dict[str, Any] = {one.name: self._make(one) for one in INSTRUMENTS}

    def _make(self, instrument: Instrument) -> Any:
        name, text, labels = f"{PREFIX}{instrument.name}", instrument.description, instrument.labels
        match instrument.kind:
            case Kind.COUNTER:
                return Counter(name, text, labels, registry=self._registry)
            case Kind.GAUGE:
                return Gauge(name, text, labels, registry=self._registry)
            case Kind.HISTOGRAM:
                return Histogram(name, text, labels, buckets=SECONDS, registry=self._registry)

    def record(self, instrument: Instrument, value: float, labels: tuple[str, ...]) -> None:
        """Add to a counter, set a gauge, or observe a histogram's value."""
        metric = self._metrics[instrument.name]
        metric = metric.labels(*labels) if labels else metric
        match instrument.kind:
            case Kind.COUNTER:
                metric.inc(value)
            case Kind.GAUGE:
                metric.set(value)
            case Kind.HISTOGRAM:
                metric.observe(value)

    def exposition(self) -> tuple[bytes, str]:
        """The page and its content type."""
        return generate_latest(self._registry), CONTENT_TYPE_LATEST


class RayMetrics:
    """Ray's metrics, exported by the agent of the replica's node with the prefix `ray_`."""

    def __init__(self) -> None:
        from ray.util import metrics

        kinds: dict[Kind, Any] = {Kind.COUNTER: metrics.Counter, Kind.GAUGE: metrics.Gauge}
        self._metrics: dict[str, Any] = {
            one.name: metrics.Histogram(
                f"{PREFIX}{one.name}", one.description, boundaries=list(SECONDS), tag_keys=one.labels
            )
            if one.kind is Kind.HISTOGRAM
            else kinds[one.kind](f"{PREFIX}{one.name}", one.description, tag_keys=one.labels)
            for one in INSTRUMENTS
        }

    def record(self, instrument: Instrument, value: float, labels: tuple[str, ...]) -> None:
        """Add to a counter, set a gauge, or observe a histogram's value."""
        metric, tags = self._metrics[instrument.name], dict(zip(instrument.labels, labels, strict=True))
        match instrument.kind:
            case Kind.COUNTER if value > 0:  # Ray refuses to add nothing
                metric.inc(value, tags)
            case Kind.GAUGE:
                metric.set(value, tags)
            case Kind.HISTOGRAM:
                metric.observe(value, tags)
