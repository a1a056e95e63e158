"""`automathes review --export` and `--import`: the items of the queues, and decisions on them, in a file."""

import argparse
import asyncio

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.console.output import print_json, print_line
from cluster.review.exchange.edits import run_edits
from cluster.review.exchange.forms import FORMS, read_file, write_file
from store.reviews.settings import ReviewSettings


def export_reviews(arguments: argparse.Namespace) -> int:
    """Fill the queues, and write all items with their decisions to a new file.

    Raises:
        ConfigError: there is no such run, or the file exists or cannot be written.
    """
    folder = find_run_folder(arguments.runs, arguments.run)
    with folder.open_store(folder.read_config()) as store:
        store.reviews.fill(ReviewSettings())
        count = write_file(arguments.file, FORMS[arguments.format or "jsonl"], store.reviews.export())
    if arguments.json:
        print_json({"items": count, "file": str(arguments.file)})
    else:
        print_line(f"{count:,} items written to {arguments.file}")
    return 0


def import_reviews(arguments: argparse.Namespace) -> int:
    """Store the decisions in a file. What is settled by them is applied by the next `automathes review --serve`.

    The code of edited solutions is run first; one that is not right is left out, with the reason.

    Raises:
        ConfigError: there is no such run, or the file cannot be read or has a record that is none.
        InvalidProblemError: a decision cannot be stored.
        SandboxUnavailable: a solution was edited, and nothing can be isolated on this host.
        AnswerCheckFailed: the checker's processes failed; the command can be repeated.
    """
    if not arguments.file.is_file():
        raise ConfigError(f"{arguments.file}: there is no such file")
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    with folder.open_store(config) as store:
        form = FORMS[arguments.format or "jsonl"]
        read = list(read_file(arguments.file, form, store.reviews.reviewers()))
        found = asyncio.run(run_edits(store, config, read))
        counts = store.reviews.import_decisions(found.decisions, source=arguments.file.name)
    if found.refused:
        counts["refused"] = len(found.refused)
    if arguments.json:
        print_json(dict(counts))
        return 0
    told = ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items())) or "none"
    print_line(f"decisions of {arguments.file}: {told}")
    for refused in found.refused:
        print_line(f"refused: {refused}")
    if counts["unknown"]:
        print_line("unknown: on items that are not in this run's queues")
    return 0
