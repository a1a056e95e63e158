"""Serving: how many requests there are, how long they take, and which policy answers."""

from cluster.monitoring.panels import Dashboard, Panel
from cluster.monitoring.queries import OF_SERVER, RATE, Query

SERVING = Dashboard(
    "serving",
    "how many requests there are, how long they take, and which policy answers",
    (
        Panel(
            "Requests by route",
            "per second",
            (Query(OF_SERVER.per_second("requests", "route"), "{{route}}"),),
            "reqps",
            stacked=True,
        ),
        Panel(
            "Requests by status",
            "per second; 429 is a full queue, 503 an engine that does not answer",
            (Query(OF_SERVER.per_second("requests", "status"), "{{status}}"),),
            "reqps",
            stacked=True,
        ),
        Panel(
            "Failed share",
            "requests that the server failed, statuses from 500 on",
            (
                Query(
                    f"(sum(rate({OF_SERVER('requests_total', 'status=~"5.."')}[{RATE}])) or vector(0))"
                    f" / (sum(rate({OF_SERVER('requests_total')}[{RATE}])) > 0)",
                    "failed",
                ),
            ),
            "percentunit",
        ),
        Panel(
            "Seconds of a request",
            "from its arrival to its last token",
            OF_SERVER.quantiles("request_seconds", 0.5, 0.95, 0.99),
            "s",
        ),
        Panel(
            "Seconds to the first token",
            "from the arrival of a request",
            OF_SERVER.quantiles("first_token_seconds", 0.5, 0.95, 0.99),
            "s",
        ),
        Panel(
            "Tokens per second",
            "that the policy wrote",
            (Query(f"sum(rate({OF_SERVER('tokens_total')}[{RATE}]))", "tokens"),),
            "ops",
        ),
        Panel(
            "Requests under way",
            "in all replicas: those that are answered, and those that wait",
            (Query(f"sum({OF_SERVER('active')})", "active"), Query(f"sum({OF_SERVER('queued')})", "queued")),
            width=12,
        ),
        Panel(
            "Policy that is served",
            "by replica; it follows the promotions of the run",
            (Query(OF_SERVER("policy_version"), "{{instance}}"),),
            "none",
            width=12,
        ),
    ),
)
