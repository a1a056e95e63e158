"""`automathes export`: export a run's rollouts as a data set."""

import argparse

from actors.formats import get_format
from cluster.config.options import checked
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json, print_line
from cluster.console.progress_bar import progress_bar
from store.export.settings import ExportSettings
from store.records import Outcome, Problem, Rollout, SegmentKind

_ANY_OUTCOME = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.FAULT)
"""Faults are never exported: they are failures of ours, and their rollouts are incomplete."""


def export(arguments: argparse.Namespace) -> int:
    """Export rollouts to a new folder and print how many.

    Raises:
        ConfigError: there is no such run, or an option is out of bounds.
        ExportTargetError: the folder exists already or cannot be written.
        NothingToExportError: no rollout matches the options.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    settings = _settings(arguments)
    with folder.open_store(folder.read_config()) as store:
        if settings.training_set is not None:
            store.training_sets.size(settings.training_set)  # raises if there is none
        with progress_bar("exporting rollouts") as on_progress:
            report = store.export(arguments.folder, settings, messages, on_progress)
    if arguments.json:
        print_json({"path": str(report.path), "rows": report.rows, "resumed": report.resumed})
        return 0
    rows = " and ".join(f"{count:,} of split {split}" for split, count in report.rows.items())
    resumed = f" ({report.resumed:,} of them by an interrupted export)" if report.resumed else ""
    print_line(f"exported {rows} to {report.path}{resumed}; its README.md explains how to load them")
    return 0


def messages(problem: Problem, rollout: Rollout) -> list[dict[str, str]]:
    """A rollout as a conversation for fine-tuning: the format's system prompt, the question, the whole solution.

    Raises:
        UnknownFormatError: the rollout's format is not registered.
    """
    solution_format = get_format(rollout.solution_format)
    return [
        {"role": "system", "content": solution_format.system},
        {"role": "user", "content": problem.question},
        {"role": "assistant", "content": _solution(rollout)},
    ]


def _solution(rollout: Rollout) -> str:
    solution_format = get_format(rollout.solution_format)
    written: list[str] = []
    for position, segment in enumerate(rollout.segments):
        match segment.kind:
            case SegmentKind.TEXT:
                written.append(segment.text)
            case SegmentKind.CODE:
                has_prefix = position > 0 and rollout.segments[position - 1].text.endswith(solution_format.code_prefix)
                block = solution_format.code_block(segment.text)
                written.append(block.removeprefix(solution_format.code_prefix) if has_prefix else block)
            case SegmentKind.OUTPUT:
                written.append(solution_format.output(segment.text))
            case SegmentKind.ANSWER:
                is_stated = position > 0 and rollout.segments[position - 1].kind is SegmentKind.TEXT
                written += [] if is_stated else [solution_format.write_answer(segment.text)]
    return "".join(written).strip()


def _settings(arguments: argparse.Namespace) -> ExportSettings:
    options = {
        "format": arguments.format,
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
