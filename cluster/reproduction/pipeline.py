"""Running the stages of a reproduction: those that are done are left, the first that is not is continued."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cluster.config.child_process import end_child, ended_with_parent
from cluster.config.run_config import ConfigError
from cluster.reproduction.records import StageRecord, StageRecords, fingerprint
from cluster.reproduction.stage import Results, Stage, Step

_COMMAND = (sys.executable, "-c", "import sys; from cluster.cli import main; sys.exit(main())")
_ENDS_WITHIN_S = 120.0


class StageFailedError(Exception):
    """A command of a stage failed; what it did so far is stored."""


def run_stages(
    stages: Sequence[Stage], folder: Path, notify: Callable[[str], None], first: str | None = None
) -> list[StageRecord]:
    """Run the stages in their order, and return their records.

    A stage is left as it is if it was finished with the same settings, after the same stages. `first` and all after it
    are run again. Each command continues what an earlier start of it has stored, so that nothing is paid, sampled or
    trained twice.

    Raises:
        ConfigError: `first` names no stage, or a record cannot be read.
        StageFailedError: a command failed.
    """
    records = StageRecords(folder)
    names = [stage.name for stage in stages]
    if first is not None:
        if first not in names:
            raise ConfigError(f"--from {first}: there is no such stage: choose one of {', '.join(names)}")
        for name in names[names.index(first) :]:
            records.forget(name)
    done: list[StageRecord] = []
    results: dict[str, Any] = {}
    before = ""
    for number, stage in enumerate(stages, 1):
        before = fingerprint(stage, before)
        known = records.read(stage.name)
        head = f"[{number}/{len(stages)}] {stage.name}"
        if known is None or known.fingerprint != before:
            known = StageRecord(stage.name, before)
        if known.is_finished:
            notify(f"{head}: done before, in {known.seconds:.0f} s")
        else:
            notify(f"{head}: {stage.about}")
            known = _run(stage, known, results, folder, records, notify)
        done.append(known)
        results |= known.results
    return done


def _run(
    stage: Stage,
    record: StageRecord,
    earlier: Results,
    folder: Path,
    records: StageRecords,
    notify: Callable[[str], None],
) -> StageRecord:
    """Run the steps that a stage lacks, and record each once it is done."""
    record = replace(record, starts=record.starts + 1)
    records.write(record)
    with stage.beside(earlier):
        for step in stage.steps:
            if step.name in record.results:
                continue
            started = time.monotonic()
            arguments = step.arguments({**earlier, **record.results})
            notify(f"  automathes {shlex.join(arguments)}")
            result = _run_step(stage, step, arguments, folder)
            seconds = record.seconds + time.monotonic() - started
            record = replace(record, results={**record.results, step.name: result}, seconds=seconds)
            records.write(record)
    record = replace(record, is_finished=True)
    records.write(record)
    return record


def _run_step(stage: Stage, step: Step, arguments: Sequence[str], folder: Path) -> Any:
    """Run a command whose progress is seen on the standard error; returns what `Step.result` says."""
    output = None if step.result == "none" else subprocess.PIPE
    process = subprocess.Popen(  # noqa: S603 - a command of this project
        [*_COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output,
        start_new_session=True,  # Ctrl-C is for this process, which then ends the command in order
        # Every command continues after a kill, and a new start must not find the old one at work.
        preexec_fn=ended_with_parent(signal.SIGKILL),
    )
    try:
        printed, _ = process.communicate()
    except BaseException:
        end_child(process, signal.SIGINT, _ENDS_WITHIN_S)
        raise
    text = "" if printed is None else printed.decode()
    _log(folder / "logs" / f"{stage.name}.log", arguments, text)
    if process.returncode:
        raise StageFailedError(
            f"stage {stage.name} failed: `automathes {shlex.join(arguments)}` ended with exit code "
            f"{process.returncode}; once its cause is mended, the same `automathes reproduce` continues here"
        )
    return json.loads(text) if step.result == "json" else text


def _log(file: Path, arguments: Sequence[str], text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as log:
        log.write(f"$ automathes {shlex.join(arguments)}\n{text}\n")
