"""`automathes export`: export a run's rollouts as a data set."""

import argparse

from actors.formats import get_format
from cluster.commands.exports.conversations import Message, as_masked_text, as_text, as_tool_messages, prompt
from cluster.config.options import checked
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json, print_line
from cluster.console.progress_bar import progress_bar
from store.export.settings import ExportSettings, Messages
from store.records import Outcome, Problem, Rollout

_ANY_OUTCOME = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.FAULT)
"""Faults are never exported: they are failures of ours, and their rollouts are incomplete."""


def export(arguments: argparse.Namespace) -> int:
    """Export rollouts to a new folder, or make a release of them, and print how many.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        ExportLayoutError: the layout does not go with another option.
        ExportTargetError: the folder exists already or cannot be written.
        NothingToExportError: no rollout matches the options.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    settings = _settings(arguments)
    licences = _licences(arguments)
    config = folder.read_config()
    messages = conversations(settings, config.sampler.solution_format)
    with folder.open_store(config) as store:
        if settings.training_set is not None:
            store.training_sets.size(settings.training_set)  # raises if there is none
        with progress_bar("exporting rollouts") as on_progress:
            if arguments.release:
                report = store.release(arguments.folder, settings, messages, licences, on_progress)
            else:
                report = store.export(arguments.folder, settings, messages, on_progress)
    if arguments.json:
        print_json({"path": str(report.path), "rows": report.rows, "resumed": report.resumed})
        return 0
    rows = " and ".join(f"{count:,} of split {split}" for split, count in report.rows.items())
    resumed = f" ({report.resumed:,} of them by an interrupted export)" if report.resumed else ""
    print_line(f"exported {rows} to {report.path}{resumed}; its README.md explains how to load them")
    return 0


def conversations(settings: ExportSettings, default_format: str) -> Messages:
    """The function that makes the conversations of an export, in the form that its layout wants.

    Args:
        settings: the settings of the export.
        default_format: the solution format of prompts without a solution.
    """
    write = as_tool_messages if settings.tools else as_masked_text if settings.layout == "axolotl" else as_text

    def messages(problem: Problem, rollout: Rollout | None) -> list[Message]:
        solution_format = get_format(default_format if rollout is None else rollout.solution_format)
        return prompt(problem, solution_format) + ([] if rollout is None else write(rollout))

    return messages


def _settings(arguments: argparse.Namespace) -> ExportSettings:
    options = {
        "layout": arguments.layout,
        "tools": arguments.tools,
        "pairs": arguments.pairs,
        "format": arguments.format or ("parquet" if arguments.release or arguments.layout == "verl" else None),
        "splits": tuple(dict.fromkeys(arguments.split or ["train"])),
        "outcomes": _ANY_OUTCOME if "any" in arguments.outcome else tuple(arguments.outcome or ["accepted"]),
        "supports": tuple(arguments.support),
        "purposes": tuple(arguments.purpose),
        "policy_versions": tuple(arguments.policy),
        "iterations": tuple(arguments.iteration),
        "training_set": arguments.training_set,
        "distinct": arguments.distinct,
        "token_ids": arguments.token_ids,
    }
    settings: ExportSettings = checked(ExportSettings, options)
    return settings


def _licences(arguments: argparse.Namespace) -> dict[str, str]:
    """The licence by source, of options such as `--licence gsm8k=mit`."""
    if arguments.licence and not arguments.release:
        raise ConfigError("--licence is for a release: automathes export release FOLDER")
    licences = {}
    for option in arguments.licence:
        source, equals, licence = option.rpartition("=")
        if not equals or not source:
            raise ConfigError(f"--licence {option}: write SOURCE=LICENCE, such as gsm8k=mit")
        licences[source] = licence
    return licences
