"""The parsers of `automathes value`, and the option of `automathes eval` that uses value models."""

import argparse
from pathlib import Path

from cluster.parsers.common import Commands, add_command, add_run_options, count

_ENGINES = ("auto", "vllm", "torch")


def add_value(commands: Commands) -> None:
    """The parser of `automathes value` with its actions."""
    parser = commands.add_parser(
        "value", help="train a value model on a run's solutions, score solutions, report on it"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _add_train(actions)
    _add_score(actions)
    _add_report(actions)


def _add_train(actions: Commands) -> None:
    text = "train a value model, which predicts whether a solution is right, on a run's attempts at training problems"
    example = """automathes value train
         automathes value train --set value.language_loss=true --set value.phase.epochs=2
         (if interrupted, the same command continues)"""
    parser = add_command(actions, "train", "values.training:train", text, example)
    parser.add_argument(
        "--policy", type=count, metavar="VERSION", help="policy to begin with (default: the promoted one)"
    )
    parser.add_argument(
        "--shuffle-labels", action="store_true", help="the control: train on outcomes in random order (AUC near 0.5)"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", dest="overrides", help="set one key; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def _add_score(actions: Commands) -> None:
    text = "score the attempts of `automathes eval --samples` with a value model"
    example = "automathes value score --engine vllm"
    parser = add_command(actions, "score", "values.scoring:score", text, example)
    _add_chosen(parser)
    add_engine(parser)
    parser.add_argument(
        "--unmerged", action="store_true", help="by vLLM with the policy's weights and the value model's adapter (LoRA)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_run_options(parser)


def _add_report(actions: Commands) -> None:
    text = "report on a value model: AUC, calibration, and accuracy of picking by it against pass@k and maj@k"
    example = "automathes value report --control 2"
    parser = add_command(actions, "report", "values.reporting:report", text, example)
    _add_chosen(parser)
    parser.add_argument("--control", type=count, metavar="VERSION", help="value model trained with --shuffle-labels")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="folder of the report (default: value-reports in the run's folder)",
    )
    parser.add_argument("--json", action="store_true", help="print the figures as one JSON object")
    add_run_options(parser)


def _add_chosen(parser: argparse.ArgumentParser) -> None:
    """The options that choose a value model, and the attempts that it scores."""
    parser.add_argument("--model", type=count, metavar="VERSION", help="value model (default: the latest, no control)")
    parser.add_argument("--evaluation", type=count, metavar="ID", help="default: the latest with several samples")


def add_engine(parser: argparse.ArgumentParser) -> None:
    """The option that chooses what computes scores."""
    text = "computes the scores (default: auto: vLLM on GPUs, torch elsewhere)"
    parser.add_argument("--engine", choices=_ENGINES, default="auto", help=text)


def add_rerank(parser: argparse.ArgumentParser) -> None:
    """The options of `automathes eval` that choose among the attempts with a value model."""
    text = "also choose among the attempts by the scores of a value model: best@K, and weighted@K, a weighted majority"
    _add_reranker(parser, text)
    add_engine(parser)


def add_serving_rerank(parser: argparse.ArgumentParser) -> None:
    """The options of `automathes serve` that let a value model choose among the attempts of a request."""
    _add_reranker(parser, "let a value model of the run choose where a request asks for a choice among attempts")


def _add_reranker(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--rerank", choices=("value",), help=text)
    parser.add_argument(
        "--value-model", type=count, metavar="VERSION", help="of --rerank (default: the latest, no control)"
    )
