"""The figures of a reproduction, gathered from what its commands printed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cluster.reproduction.records import StageRecord
from cluster.reproduction.scales import Scale
from cluster.reproduction.stage import Stage
from store.runs.figures import Figure


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: a way to choose an answer, and its accuracy on the held-out problems."""

    method: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class ValueFigures:
    """The value model's AUC and its control's, with intervals, and the gain of choosing by it over the majority."""

    auc: Mapping[str, float]
    control_auc: Mapping[str, float]
    gain: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A finished reproduction, as its report shows it."""

    scale: Scale
    stages: Sequence[tuple[Stage, StageRecord]]
    rows: Sequence[Row]
    value: ValueFigures
    annotation: Mapping[str, Any] | None
    benchmarks: Mapping[str, Any] | None

    @property
    def seconds(self) -> float:
        """The time of all stages."""
        return sum(record.seconds for _, record in self.stages)


def gather(scale: Scale, stages: Sequence[Stage], records: Sequence[StageRecord]) -> Reproduction:
    """The figures of finished stages."""
    results: dict[str, Any] = {}
    for record in records:
        results |= record.results
    report = results["value-report"]["assessment"]
    return Reproduction(
        scale=scale,
        stages=list(zip(stages, records, strict=True)),
        rows=_rows(results, scale.samples),
        value=ValueFigures(report["auc"], results["value-report"]["control"]["auc"], report["picking"]["gains"]["maj"]),
        annotation=results.get("annotation"),
        benchmarks=results.get("benchmarks"),
    )


def _rows(results: Mapping[str, Any], samples: int) -> list[Row]:
    greedy, sampled = results["greedy"]["figures"], results["reranked"]["figures"]
    methods = {
        "greedy": greedy.get("pass@1"),
        f"majority of {samples} (maj@{samples})": sampled.get(f"maj@{samples}"),
        f"highest value of {samples} (value@{samples})": sampled.get(f"best@{samples}"),
        f"majority of {samples} weighted by value": sampled.get(f"weighted@{samples}"),
        f"any of {samples} (pass@{samples}), the limit of all choices": sampled.get(f"pass@{samples}"),
    }
    return [Row(method, Figure(**figure)) for method, figure in methods.items() if figure is not None]
