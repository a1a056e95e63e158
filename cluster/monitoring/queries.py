"""PromQL over the metrics that Ray exports: ours, of a run or of a server, and Ray's own."""

from dataclasses import dataclass

SESSION, RUN, RATE = "$SessionName", "$run", "$__rate_interval"
"""Variables of the dashboards: Ray's session, the run, and the window of rates, which Grafana derives from the zoom."""


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the legend of its series, in which `{{label}}` is the value of a label."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Metrics:
    """Metrics whose names have a prefix, chosen by labels."""

    prefix: str
    labels: str

    def __call__(self, name: str, *matchers: str) -> str:
        """The series of a metric."""
        return f"{self.prefix}{name}{{{','.join((self.labels, *matchers))}}}"

    def per_second(self, counter: str, by: str, *matchers: str) -> str:
        """The increase of a counter per second, by labels."""
        return f"sum by ({by}) (rate({self(f'{counter}_total', *matchers)}[{RATE}]))"

    def counted(self, counter: str, label: str) -> str:
        """The increase of a counter per second by one label; a line at 0 until it has counted.

        A counter of what should not happen has no series before the first time.
        """
        return f'{self.per_second(counter, label)} or on () label_replace(vector(0), "{label}", "none", "", "")'

    def quantiles(self, histogram: str, *shares: float) -> tuple[Query, ...]:
        """Quantiles of a histogram over all who report it."""
        buckets = f"sum by (le) (rate({self(f'{histogram}_bucket')}[{RATE}]))"
        return tuple(Query(f"histogram_quantile({share}, {buckets})", f"p{share * 100:g}") for share in shares)

    def mean(self, histogram: str, by: str) -> str:
        """The mean of a histogram's observations, by labels."""
        total, count = (f"rate({self(f'{histogram}_{part}')}[{RATE}])" for part in ("sum", "count"))
        return f"sum by ({by}) ({total}) / (sum by ({by}) ({count}) > 0)"


OF_RUN = Metrics("ray_automathes_", f'SessionName=~"{SESSION}",run=~"{RUN}"')
"""What samplers, ranks and the driver of a run report."""
OF_SERVER = Metrics("ray_automathes_serving_", f'SessionName=~"{SESSION}"')
"""What a server reports. It follows the promotions of a run, and is no part of it."""
OF_RAY = Metrics("ray_", f'SessionName=~"{SESSION}"')
"""What Ray reports of its cluster."""
