"""Which value model and which evaluation a command is about."""

import argparse

from cluster.config.run_config import ConfigError
from cluster.config.value_models import choose_model
from store.records import ValueModel
from store.runs.evaluations import EvaluationRun
from store.store import Store


def choose_reranker(store: Store, arguments: argparse.Namespace, samples: int | None = None) -> ValueModel | None:
    """The value model that chooses among attempts by `--rerank`, if one is to.

    `samples` is the number of attempts at each problem, None if requests decide on it.

    Raises:
        ConfigError: there is none, or options contradict each other.
    """
    if arguments.rerank is None:
        if arguments.value_model is not None:
            raise ConfigError("--value-model is for --rerank value")
        return None
    if samples is not None and samples < 2:
        raise ConfigError(f"--rerank {arguments.rerank} chooses among several attempts: set --samples, such as 8")
    return choose_model(store, arguments.value_model, "--value-model")


def choose_evaluation(store: Store, evaluation_id: int | None) -> EvaluationRun:
    """The evaluation with that id, or the latest finished one with several samples per problem.

    Raises:
        ConfigError: there is none.
        UnknownRecordError: no evaluation has this id.
    """
    if evaluation_id is not None:
        return store.evaluations.get(evaluation_id)
    sampled = store.evaluations.sampled()
    if not sampled:
        raise ConfigError("the run has no evaluation with several samples: `automathes eval --samples 8` makes one")
    return sampled[0]
