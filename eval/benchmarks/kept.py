"""The files of results beside the attempts: written after each evaluation, read for comparisons and reports."""

import json
import os
from pathlib import Path

from eval.benchmarks.results import BenchReport, from_record, to_record

_PREFIX = "results-v"


class ResultsFileError(ValueError):
    """A file does not hold results."""


def results_file(folder: Path, version: int) -> Path:
    """Where the results of a policy are, in the folder of its attempts."""
    return folder / f"{_PREFIX}{version}.json"


def write_results(path: Path, report: BenchReport) -> None:
    """Write the results atomically, in place of those of an earlier evaluation of the policy."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(to_record(report), indent=2) + "\n", encoding="utf-8")
    aside.replace(path)


def read_results(path: Path) -> BenchReport:
    """The results in a file.

    Raises:
        ResultsFileError: it cannot be read.
    """
    try:
        return from_record(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ResultsFileError(f"{path} is no file of results, such as {_PREFIX}3.json: {error}") from None


def kept_results(folder: Path) -> list[BenchReport]:
    """The results of all policies in a folder of attempts, by version; none without one. Raises as `read_results`."""
    return sorted(map(read_results, folder.glob(f"{_PREFIX}*.json")), key=lambda report: report.policy_version)
