"""The fields of the Prometheus operator's objects that the files set, and their types.

No package brings the operator's CRDs, so this is written by hand from its API reference, and only what the files use.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

_DURATION = r"^(\d+(ms|s|m|h|d))+$"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    name: str
    namespace: str
    labels: dict[str, str]


class Requirement(Strict):
    key: str
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    values: list[str]


class Selector(Strict):
    matchExpressions: list[Requirement]


class Relabeling(Strict):
    action: Literal["replace", "labeldrop"]
    targetLabel: str | None = None
    replacement: str | None = None
    regex: str | None = None


class Endpoint(Strict):
    port: str
    interval: str = Field(pattern=_DURATION)
    relabelings: list[Relabeling]
    metricRelabelings: list[Relabeling]


class PodMonitorSpec(Strict):
    selector: Selector
    podMetricsEndpoints: list[Endpoint]


class PodMonitor(Strict):
    """What the operator has Prometheus scrape."""

    apiVersion: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PodMonitor"]
    metadata: Metadata
    spec: PodMonitorSpec


class Rule(Strict):
    alert: str
    expr: str
    for_: str = Field("", alias="for", pattern=_DURATION)
    labels: dict[str, str]
    annotations: dict[str, str]


class Group(Strict):
    name: str
    rules: list[Rule]


class PrometheusRuleSpec(Strict):
    groups: list[Group]


class PrometheusRule(Strict):
    """Alerts, as the operator gives them to Prometheus."""

    apiVersion: Literal["monitoring.coreos.com/v1"]
    kind: Literal["PrometheusRule"]
    metadata: Metadata
    spec: PrometheusRuleSpec
