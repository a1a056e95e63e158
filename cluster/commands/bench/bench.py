"""`automathes bench`: evaluate a policy on the standard benchmarks, and print the paper's table with ours beside it."""

import argparse
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from actors.scoring.loading import ScoringEngine
from cluster.commands.attempts import sample_missing
from cluster.commands.bench.choices import Attempts, Choices, choose, choose_benchmarks
from cluster.commands.bench.scoring import Scoring, open_scoring
from cluster.commands.bench.target import Target, add_policy, choose_target, open_bench_store
from cluster.commands.values.scoring import score_evaluation
from cluster.config.run_config import RunConfig
from cluster.console.benchmarks import print_benchmarks, print_reports
from cluster.console.live_view import make_progress
from cluster.console.progress_bar import progress_bar
from cluster.console.terminal import open_console, output_redirected_to
from cluster.loop.progress import Progress
from eval.benchmarks.benchmark import Benchmark
from eval.benchmarks.catalogue import Catalogue
from eval.benchmarks.kept import read_results, results_file, write_results
from eval.benchmarks.results import BenchmarkResult, BenchReport, Cost
from store.records import Outcome, Policy, Problem
from store.runs.costs import AttemptCost
from store.store import Store

_PHASE = "measuring on benchmarks"


def bench(arguments: argparse.Namespace) -> int:
    """Attempt the problems of benchmarks with a policy, judge the answers by every rule that applies, print the tables.

    Attempts are kept beside the runs, and so are the problems: no run trains on them, schedules or exports them. After
    an interruption the same command continues; once all is sampled and judged it only prints.

    Raises:
        ConfigError: there is no such run, model, policy or benchmark, or an option is out of bounds.
        ProblemSourceError: the problems of a benchmark cannot be read.
        SamplersLostError: no sampler is left.
        ScoringError: the value model of `--rerank` cannot be loaded.
        NothingMeasuredError: no attempt can be scored, for example because all ended in a system fault.
    """
    if arguments.list:
        return list_benchmarks(arguments)
    beside = [read_results(path) for path in arguments.beside]
    target = choose_target(arguments)
    choices = choose(arguments, target.config)
    problems = _read_problems(arguments, target, choices)
    target.folder.path.mkdir(parents=True, exist_ok=True)
    with target.folder.lock(), open_bench_store(target) as store:
        target.folder.write_config(target.config)
        progress = make_progress(open_console(2))  # the standard output holds the tables alone
        policy = _prepare(target, store, problems.values(), progress)
        scheduled = _schedule(store, policy, choices, problems)
        evaluations = [one.evaluation for one in scheduled]
        sample_missing(target.config, target.folder, store, policy.version, evaluations, progress, _PHASE)
        _score_values(target, store, scheduled, arguments.engine)
        report = _report(target, policy, _results(target, store, choices, scheduled, problems))
        write_results(results_file(target.folder.path, policy.version), report)
    print_reports([*beside, report], arguments.format)
    return 0


def list_benchmarks(arguments: argparse.Namespace) -> int:
    """List the benchmarks with their sources and licences, and which of them were read already."""
    chosen = choose_benchmarks(arguments) if arguments.benchmarks else None
    catalogue = Catalogue.find(arguments.runs)
    counts: Mapping[str, int] = {}
    if catalogue is not None:
        with catalogue:
            counts = catalogue.counts()
    print_benchmarks(chosen, counts, as_json=arguments.format == "json")
    return 0


class _Scheduled(NamedTuple):
    """An evaluation in the store."""

    benchmark: Benchmark
    attempts: Attempts
    evaluation: int


class _Problems(NamedTuple):
    """The problems of a benchmark that are attempted, of `size`."""

    chosen: Sequence[Problem]
    size: int


def _read_problems(arguments: argparse.Namespace, target: Target, choices: Choices) -> dict[str, _Problems]:
    """The problems by benchmark, which are read into the catalogue the first time."""
    found = {}
    with Catalogue.open(target.runs) as catalogue, progress_bar("reading benchmarks") as on_progress:
        for done, benchmark in enumerate(choices.benchmarks, start=1):
            size = catalogue.read(benchmark, arguments.data)
            found[benchmark.name] = _Problems(list(catalogue.problems(benchmark, choices.limit)), size)
            on_progress(done, len(choices.benchmarks))
    return found


def _prepare(target: Target, store: Store, problems: Iterable[_Problems], progress: Progress) -> Policy:
    with output_redirected_to(target.folder.log_file), progress.phase("policy"):
        policy = target.publish()
    add_policy(store, policy)
    store.problems.import_new(problem for one in problems for problem in one.chosen)
    return policy


def _schedule(store: Store, policy: Policy, choices: Choices, problems: dict[str, _Problems]) -> list[_Scheduled]:
    """The evaluations, one after the other: a benchmark is complete before the next one begins."""
    return [
        _Scheduled(
            benchmark,
            attempts,
            store.evaluations.schedule(
                policy.version,
                attempts.stored_as(benchmark),
                samples=attempts.samples,
                sampling=attempts.sampling,
                problem_ids=[problem.id for problem in problems[benchmark.name].chosen],
            ),
        )
        for attempts in choices.attempts
        for benchmark in choices.benchmarks
    ]


def _score_values(target: Target, store: Store, scheduled: Sequence[_Scheduled], engine: ScoringEngine) -> None:
    """Score the sampled attempts by the value model, if one is to choose among them."""
    if target.value is None:
        return
    for one in scheduled:
        if one.attempts.samples > 1:
            score_evaluation(store, target.config, target.value, one.evaluation, engine)


def _results(
    target: Target, store: Store, choices: Choices, scheduled: Sequence[_Scheduled], problems: dict[str, _Problems]
) -> list[BenchmarkResult]:
    with (
        progress_bar("judging answers") as on_progress,
        open_scoring(store, target, on_progress) as scoring,
    ):
        return [_result(target.config, store, choices, scoring, one, problems[one.benchmark.name]) for one in scheduled]


def _result(
    config: RunConfig, store: Store, choices: Choices, scoring: Scoring, one: _Scheduled, problems: _Problems
) -> BenchmarkResult:
    return BenchmarkResult(
        benchmark=one.benchmark.name,
        title=one.benchmark.title,
        problems=len(problems.chosen),
        size=problems.size,
        samples=one.attempts.samples,
        temperature=one.attempts.sampling.temperature,
        scores=scoring.scores(one.evaluation, choices.rules_of(one.benchmark), problems.chosen),
        cost=_cost(store.evaluations.cost(one.evaluation), config),
        faults=_faults(store, one.evaluation),
    )


def _cost(cost: AttemptCost, config: RunConfig) -> Cost:
    gpus = config.sampler.num_samplers * config.sampler.gpus_per_sampler
    hours = cost.wall_s / 3600 * gpus if gpus else None
    return Cost(cost.attempts, cost.tokens, cost.attempt_s, cost.wall_s, hours)


def _faults(store: Store, evaluation: int) -> int:
    """The number of attempts that ended in a system fault."""
    answers = store.evaluations.answers(evaluation)
    return sum(attempt.outcome is Outcome.FAULT for attempts in answers.values() for attempt in attempts)


def _report(target: Target, policy: Policy, results: Sequence[BenchmarkResult]) -> BenchReport:
    sampler = target.config.sampler
    return BenchReport(
        model=target.name
        if target.policy is None or policy.config.get("files")
        else f"{target.name} v{policy.version}",
        policy_version=policy.version,
        solution_format=sampler.solution_format,
        max_tokens=sampler.limits.max_tokens,
        written_at=time.strftime("%Y-%m-%d %H:%M"),
        results=tuple(results),
    )
