"""`automathes export`: a run's rollouts as a data set for others."""

import argparse
import json

from actors.formats import get_format
from cluster.config.options import checked
from cluster.config.run_folder import find_run_folder
from cluster.console.progress_bar import progress_bar
from store.export.settings import ExportSettings
from store.records import Outcome, Problem, Rollout, SegmentKind

_ANY_OUTCOME = tuple(outcome.value for outcome in Outcome if outcome is not Outcome.FAULT)
"""A fault is a failure of ours: its rollout is cut off somewhere, and says nothing of the policy."""


def export_rollouts(arguments: argparse.Namespace) -> int:
    """Exports and says what was exported.

    Raises:
        ConfigError: there is no such run, or an option makes no sense.
        ExportTargetError: the folder exists, or cannot be written.
        NothingToExportError: no rollout meets the options.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    settings = _settings(arguments)
    with folder.open_store(folder.read_config()) as store:
        if settings.training_set is not None:
            store.training_sets.size(settings.training_set)  # names one that is not there
        with progress_bar("exporting rollouts") as on_progress:
            report = store.export(arguments.folder, settings, messages, on_progress)
    if arguments.json:
        print(json.dumps({"path": str(report.path), "rows": report.rows, "resumed": report.resumed}))  # noqa: T201
        return 0
    rows = " and ".join(f"{count:,} of split {split}" for split, count in report.rows.items())
    gone_on = f" ({report.resumed:,} of them by an export that was cut off)" if report.resumed else ""
    print(f"exported {rows} to {report.path}{gone_on}; its README.md says how to load them")  # noqa: T201
    return 0


def messages(problem: Problem, rollout: Rollout) -> list[dict[str, str]]:
    """The conversation for supervised fine-tuning: the format's instruction, the question, the whole solution.

    Raises:
        UnknownFormatError: the rollout is written in a format that is not registered.
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
                announced = position > 0 and rollout.segments[position - 1].text.endswith(solution_format.code_prefix)
                block = solution_format.code_block(segment.text)
                written.append(block.removeprefix(solution_format.code_prefix) if announced else block)
            case SegmentKind.OUTPUT:
                written.append(solution_format.output(segment.text))
            case SegmentKind.ANSWER:
                said = position > 0 and rollout.segments[position - 1].kind is SegmentKind.TEXT
                written += [] if said else [solution_format.write_answer(segment.text)]
    return "".join(written).strip()


def _settings(arguments: argparse.Namespace) -> ExportSettings:
    chosen = {
        "format": arguments.format,
        "splits": tuple(dict.fromkeys(arguments.split or ["train"])),
        "outcomes": _ANY_OUTCOME if "any" in arguments.outcome else tuple(arguments.outcome or ["accepted"]),
        "purposes": tuple(arguments.purpose),
        "policy_versions": tuple(arguments.policy),
        "iterations": tuple(arguments.iteration),
        "training_set": arguments.training_set,
        "distinct": arguments.distinct,
        "token_ids": arguments.token_ids,
    }
    settings: ExportSettings = checked(ExportSettings, chosen)
    return settings
