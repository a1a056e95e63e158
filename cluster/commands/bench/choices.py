"""The options of `automathes bench` that say what is measured."""

import argparse
from dataclasses import dataclass

from cluster.config.run_config import ConfigError, RunConfig
from eval.benchmarks.benchmark import Benchmark
from eval.benchmarks.quoted import COLUMNS
from eval.benchmarks.registry import UnknownBenchmarkError, find_benchmarks
from eval.judging.rules import OURS, RULES
from store.records import Sampling


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts at each problem, and the name by which an evaluation is stored."""

    samples: int
    sampling: Sampling

    def stored_as(self, benchmark: Benchmark) -> str:
        """The name of the evaluation; that of sampled attempts differs from that of greedy ones."""
        return benchmark.name if self.samples == 1 and self.sampling.temperature == 0 else f"{benchmark.name}-sampled"


@dataclass(frozen=True, slots=True)
class Choices:
    """The benchmarks, the first `limit` problems of each, how often they are attempted, and the rules of judging."""

    benchmarks: tuple[Benchmark, ...]
    limit: int | None
    attempts: tuple[Attempts, ...]
    rules: frozenset[str]

    def rules_of(self, benchmark: Benchmark) -> list[str]:
        """The rules for a benchmark: of those that apply, the chosen ones; ours is always among them."""
        return [rule for rule in benchmark.rules if rule in self.rules or rule == OURS]


def choose_benchmarks(arguments: argparse.Namespace) -> tuple[Benchmark, ...]:
    """The chosen benchmarks, by default those of the paper.

    Raises:
        ConfigError: there is no such benchmark.
    """
    names = [name.strip() for name in (arguments.benchmarks or ",".join(COLUMNS)).split(",") if name.strip()]
    try:
        return tuple(find_benchmarks(names))
    except UnknownBenchmarkError as error:
        raise ConfigError(f"--benchmarks: {error}") from None


def choose(arguments: argparse.Namespace, config: RunConfig) -> Choices:
    """What the options choose.

    Raises:
        ConfigError: an option is out of bounds or names what does not exist.
    """
    if arguments.limit == 0:
        raise ConfigError("--limit 0: must be 1 or more")
    return Choices(choose_benchmarks(arguments), arguments.limit, _attempts(arguments, config), _rules(arguments))


def _attempts(arguments: argparse.Namespace, config: RunConfig) -> tuple[Attempts, ...]:
    """Greedy attempts, and sampled ones beside them if there are several."""
    samples, temperature = arguments.samples, arguments.temperature
    if samples < 1:
        raise ConfigError("--samples 0: must be 1 or more")
    if temperature is not None and not 0 < temperature <= 2:
        raise ConfigError(
            f"--temperature {temperature:g}: must be above 0 and at most 2; greedy attempts are made anyway"
        )
    if temperature is not None and samples == 1:
        raise ConfigError("--temperature is that of sampled attempts: add --samples 2 or more")
    greedy = Attempts(1, config.evaluation_sampling(0.0))
    if samples == 1:
        return (greedy,)
    return greedy, Attempts(samples, config.evaluation_sampling(temperature or config.evaluation.temperature))


def _rules(arguments: argparse.Namespace) -> frozenset[str]:
    names = list(RULES) if arguments.rules is None else [name.strip() for name in arguments.rules.split(",")]
    unknown = next((name for name in names if name not in RULES), None)
    if unknown is not None:
        raise ConfigError(f"--rules: there is no rule {unknown!r}: choose from {', '.join(RULES)}")
    return frozenset(names)
