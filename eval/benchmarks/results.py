"""The results of an evaluation on benchmarks, as plain records; their fields are the keys of the JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from store.runs.figures import Figure


@dataclass(frozen=True, slots=True)
class Cost:
    """What attempts cost: tokens after the prompts, seconds of all attempts together, and of sampling by the clock.

    `gpu_hours` is the second times the GPUs of the samplers; None on CPUs.
    """

    attempts: int
    tokens: int
    attempt_s: float
    wall_s: float
    gpu_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Score:
    """The figures of an evaluation by one rule, as shares between 0 and 1 by metric (see `eval.metrics`)."""

    figures: Mapping[str, Figure]
    undecided: int = 0
    unverifiable: int = 0


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """A policy's attempts at `problems` of a benchmark's `size` problems. `scores` are by rule of judging."""

    benchmark: str
    title: str
    problems: int
    size: int
    samples: int
    temperature: float
    scores: Mapping[str, Score]
    cost: Cost
    faults: int = 0

    @property
    def is_greedy(self) -> bool:
        """Whether there is one attempt at each problem, without randomness."""
        return self.samples == 1 and self.temperature == 0


@dataclass(frozen=True, slots=True)
class BenchReport:
    """The results of one policy. `model` names it in tables."""

    model: str
    policy_version: int
    solution_format: str
    max_tokens: int
    written_at: str
    results: Sequence[BenchmarkResult] = field(default_factory=tuple)


def to_record(report: BenchReport) -> dict[str, Any]:
    """The report as JSON values."""
    return asdict(report)


def from_record(record: Mapping[str, Any]) -> BenchReport:
    """The report from JSON values.

    Raises:
        KeyError, TypeError: it is not one.
    """
    return BenchReport(**{**record, "results": tuple(map(_result, record["results"]))})


def _result(record: Mapping[str, Any]) -> BenchmarkResult:
    scores = {
        rule: Score(**{**score, "figures": {metric: Figure(**one) for metric, one in score["figures"].items()}})
        for rule, score in record["scores"].items()
    }
    return BenchmarkResult(**{**record, "scores": scores, "cost": Cost(**record["cost"])})
