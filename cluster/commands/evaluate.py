"""`automathes eval`: evaluate a policy of a run on its held-out problems, with samplers and without a learner."""

import argparse
from dataclasses import replace

from cluster.commands.attempts import sample_missing
from cluster.commands.values.choosing import choose_reranker
from cluster.commands.values.scoring import score_evaluation
from cluster.config.placement import adapt_placement
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.config.value_models import value_files
from cluster.console.live_view import make_progress
from cluster.console.measurement import Measurement, print_measurement
from cluster.console.terminal import open_console
from eval.metrics import Answers, compute_figures
from eval.values.reranking import rerank_figures
from store.records import Outcome, Policy, Sampling, Split, ValueModel
from store.store import Store


def evaluate(arguments: argparse.Namespace) -> int:
    """Attempt the held-out problems with a policy, store the figures and print them.

    Attempts that are in the store already, from the run itself or from an interrupted evaluation, are not repeated.

    Raises:
        ConfigError: the run has a driver or lacks the policy, or an option is out of bounds.
        SamplersLostError: no sampler is left.
        ScoringError: the value model of `--rerank` cannot be loaded.
        NothingMeasuredError: no attempt can be scored, for example because all ended in an infrastructure fault.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = adapt_placement(folder.read_config())
    # With --json, the standard output holds nothing but the JSON object.
    progress = make_progress(open_console(2 if arguments.json else 1))
    with folder.lock(), folder.open_store(config) as store:
        policy = _choose_policy(store, folder, arguments.policy)
        sampling = _sampling(arguments, config)
        reranker = choose_reranker(store, arguments, arguments.samples)
        evaluation = store.evaluations.schedule(
            policy.version,
            _benchmark(arguments, config, sampling),
            samples=arguments.samples,
            sampling=sampling,
            split=Split.HELDOUT,
            limit=arguments.problems or config.evaluation.problems,
        )
        sample_missing(config, folder, store, policy.version, [evaluation], progress)
        if reranker is not None:
            score_evaluation(store, config, value_files(folder, reranker), evaluation, arguments.engine)
        measurement = _finish(store, evaluation, folder, reranker)
    print_measurement(measurement, as_json=arguments.json)
    return 0


def _choose_policy(store: Store, folder: RunFolder, version: int | None) -> Policy:
    known = {policy.version: policy for policy in store.policies.all()}
    if version is None:
        policy = store.policies.promoted() or store.policies.latest()
        if policy is None:
            raise ConfigError("the run has no policy yet: `automathes run --resume` continues it")
        return policy
    if version not in known:
        raise ConfigError(f"--policy {version}: the run has no such policy; it has {_listed(sorted(known))}")
    path = folder.require_policy(known[version])
    return replace(known[version], path=str(path))


def _sampling(arguments: argparse.Namespace, config: RunConfig) -> Sampling:
    samples, temperature = arguments.samples, arguments.temperature
    if samples < 1:
        raise ConfigError("--samples 0: must be 1 or more")
    if arguments.problems == 0:
        raise ConfigError("--problems 0: must be 1 or more")
    if temperature is None:
        temperature = 0.0 if samples == 1 else config.evaluation.temperature
    if not 0 <= temperature <= 2:
        raise ConfigError(f"--temperature {temperature:g}: must be between 0 (greedy) and 2")
    if samples > 1 and temperature == 0:
        raise ConfigError(
            f"--samples {samples} --temperature 0: greedy attempts are all the same: set a temperature above 0"
        )
    return config.evaluation_sampling(temperature)


def _benchmark(arguments: argparse.Namespace, config: RunConfig, sampling: Sampling) -> str:
    """The benchmark's name. Over another set of problems it differs from the one that decides on promotions."""
    name = "heldout" if sampling.temperature == 0 else "heldout-sampled"
    problems = arguments.problems
    return name if problems in (None, config.evaluation.problems) else f"{name}-{problems}"


def _finish(store: Store, evaluation: int, folder: RunFolder, reranker: ValueModel | None) -> Measurement:
    answers, run = store.evaluations.answers(evaluation), store.evaluations.get(evaluation)
    measured = compute_figures(answers, run.samples)
    if reranker is not None:
        reranked = rerank_figures(store.values.attempts(reranker.version, evaluation), run.samples)
        measured = replace(measured, figures={**measured.figures, **reranked})
    store.evaluations.finish(evaluation, measured)
    return Measurement(
        run=str(folder.path),
        policy_version=run.policy_version,
        benchmark=run.benchmark,
        samples=run.samples,
        temperature=run.sampling.temperature,
        n=measured.figures["pass@1"].n,
        faults=_faults(answers),
        undecided=measured.undecided,
        unverifiable=measured.unverifiable,
        figures=measured.figures,
        value_model=reranker.version if reranker is not None else None,
    )


def _faults(answers: Answers) -> int:
    """The number of attempts that ended in an infrastructure fault."""
    return sum(attempt.outcome is Outcome.FAULT for attempts in answers.values() for attempt in attempts)


def _listed(versions: list[int]) -> str:
    return ", ".join(f"v{version}" for version in versions) or "none yet"
