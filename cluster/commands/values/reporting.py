"""`automathes value report`: what a value model is worth, on the attempts of an evaluation on held-out problems."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from cluster.commands.values.choosing import choose_evaluation
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.config.value_models import choose_model
from cluster.console.output import print_json, print_line
from eval.values.assessment import assess, countable
from eval.values.discrimination import auc
from eval.values.markdown import to_markdown
from eval.values.page import to_page
from eval.values.records import Control, ValueReport
from eval.values.table import score_table
from eval.values.wording import headline, verdict
from store.store import Store


def report(arguments: argparse.Namespace) -> int:
    """Write the report as a page, as Markdown and as JSON, and print its main figures.

    Raises:
        ConfigError: there is no such run, value model or evaluation, attempts are not scored yet, or the report cannot
            be written.
        NothingMeasuredError: no attempt has a score and a verdict.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    with folder.open_store(folder.read_config()) as store:
        found = _collect(store, folder, arguments)
    target = arguments.output or folder.path / "value-reports" / f"model-{found.model_version}-eval-{found.evaluation}"
    values = asdict(found)
    _write(target, {"report.html": to_page(found), "report.md": to_markdown(found), "report.json": _json(values)})
    if arguments.json:
        print_json(values)
        return 0
    for name, value in headline(found):
        print_line(f"{name}: {value}")
    print_line(verdict(found))
    print_line(f"report written to {target / 'report.html'}")
    return 0


def _collect(store: Store, folder: RunFolder, arguments: argparse.Namespace) -> ValueReport:
    model = choose_model(store, arguments.model)
    evaluation = choose_evaluation(store, arguments.evaluation)
    _require_scores(store, model.version, evaluation.id)
    control = None
    if arguments.control is not None:
        shuffled = choose_model(store, arguments.control, "--control").version
        _require_scores(store, shuffled, evaluation.id)
        control = Control(shuffled, auc(score_table(countable(store.values.attempts(shuffled, evaluation.id)))))
    return ValueReport(
        run=folder.path.name,
        model_version=model.version,
        model_policy=model.policy_version,
        policy_version=evaluation.policy_version,
        evaluation=evaluation.id,
        samples=evaluation.samples,
        temperature=evaluation.sampling.temperature,
        assessment=assess(store.values.attempts(model.version, evaluation.id), evaluation.samples),
        control=control,
    )


def _require_scores(store: Store, version: int, evaluation: int) -> None:
    scored, total = store.values.progress(version, evaluation)
    if scored < total:
        raise ConfigError(
            f"{total - scored:,} of {total:,} attempts of evaluation {evaluation} have no score of value model "
            f"{version}: `automathes value score --model {version} --evaluation {evaluation}` scores them"
        )


def _json(values: object) -> str:
    return json.dumps(values, indent=1) + "\n"


def _write(target: Path, files: dict[str, str]) -> None:
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            aside = target / f".{name}.tmp"
            aside.write_text(text, encoding="utf-8")
            aside.replace(target / name)
    except OSError as error:
        raise ConfigError(f"the report cannot be written to {target}: {error.strerror or error}") from None
