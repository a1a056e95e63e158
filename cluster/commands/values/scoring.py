"""`automathes value score`: score the attempts of an evaluation with a value model, and store the scores."""

import argparse
import os

from actors.scoring.loading import ScoringEngine
from actors.scoring.published import ValueFiles, published_scorer
from cluster.commands.values.choosing import choose_evaluation
from cluster.config.placement import adapt_placement
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import find_run_folder
from cluster.config.value_models import choose_model, value_files
from cluster.console.output import print_json, print_line
from cluster.console.progress_bar import progress_bar
from learner.settings import OPENMP_ENVIRONMENT
from store.store import Store


def score(arguments: argparse.Namespace) -> int:
    """Score the attempts that have no score yet. An interrupted scoring is continued by the same command.

    Raises:
        ConfigError: there is no such run, value model or evaluation, or the value model's policy is missing.
        ScoringError: the value model cannot be loaded, or an attempt not be scored.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    config = adapt_placement(folder.read_config())
    with folder.open_store(config) as store:
        model = choose_model(store, arguments.model)
        evaluation = choose_evaluation(store, arguments.evaluation)
        before, total = store.values.progress(model.version, evaluation.id)
        policy = store.policies.get(model.policy_version) if arguments.unmerged else None
        score_evaluation(store, config, value_files(folder, model, policy), evaluation.id, arguments.engine)
        scored, _ = store.values.progress(model.version, evaluation.id)
    if arguments.json:
        print_json({"model": model.version, "evaluation": evaluation.id, "scored": scored, "new": scored - before})
        return 0
    print_line(
        f"value model {model.version} has scored {scored:,} of {total:,} attempts of evaluation {evaluation.id} "
        f"(policy v{evaluation.policy_version}, {evaluation.samples} samples), {scored - before:,} of them now"
    )
    return 0


def score_evaluation(
    store: Store, config: RunConfig, model: ValueFiles, evaluation_id: int, engine: ScoringEngine
) -> None:
    """Score all attempts of an evaluation that have no score of the value model.

    Scores are stored after each batch of a few hundred attempts.

    Raises:
        ScoringError: as `score`.
    """
    done, total = store.values.progress(model.version, evaluation_id)
    if done == total:
        return
    prepare_torch()
    with (
        progress_bar("scoring attempts") as on_progress,
        published_scorer(model, engine, config.sampler.engine) as scorer,
    ):
        for batch in store.values.unscored(model.version, evaluation_id):
            scores = scorer.score([attempt.ids for attempt in batch], [attempt.seq for attempt in batch])
            store.values.add_scores(
                model.version, [(attempt.seq, score) for attempt, score in zip(batch, scores, strict=True)]
            )
            done += len(batch)
            on_progress(done, total)


def prepare_torch() -> None:
    """Set what OpenMP reads when torch is first imported, in a process that computes scores itself."""
    for name, value in OPENMP_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
