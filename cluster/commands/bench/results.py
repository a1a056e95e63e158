"""The files of results beside the attempts: written after each evaluation, read for comparisons and reports."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from cluster.config.run_config import ConfigError
from eval.benchmarks.results import BenchReport, from_record, to_record


def write_results(path: Path, report: BenchReport) -> None:
    """Write the results atomically, in place of those of an earlier evaluation of the policy."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(json.dumps(to_record(report), indent=2) + "\n", encoding="utf-8")
    aside.replace(path)


def read_results(paths: Iterable[Path]) -> list[BenchReport]:
    """The results in files.

    Raises:
        ConfigError: one cannot be read.
    """
    return [_read(path) for path in paths]


def _read(path: Path) -> BenchReport:
    try:
        return from_record(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"--beside {path}: it is no file of results, such as benchmarks/demo-1/results-v3.json: {error}"
        ) from None
