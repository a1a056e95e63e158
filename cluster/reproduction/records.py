"""The records of stages, one file each: what went in, what came out, how long it took."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cluster.config.run_config import ConfigError
from cluster.reproduction.stage import Stage


@dataclass(frozen=True, slots=True)
class StageRecord:
    """A stage as far as it has come. `results` are by step; `seconds` and `starts` are of all its starts together."""

    stage: str
    fingerprint: str
    results: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    starts: int = 0
    is_finished: bool = False


class StageRecords:
    """The records of a reproduction, in the folder `stages` below its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "stages"

    def read(self, stage: str) -> StageRecord | None:
        """The record of a stage, None if it was never started.

        Raises:
            ConfigError: the file cannot be read.
        """
        path = self._path(stage)
        try:
            return StageRecord(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise ConfigError(
                f"{path} is no record of a stage ({error}): remove it, and the stage is done again"
            ) from None

    def write(self, record: StageRecord) -> None:
        """Write a record atomically."""
        path = self._path(record.stage)
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.{os.getpid()}")
        aside.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
        aside.replace(path)

    def forget(self, stage: str) -> None:
        """Have a stage done again. What its commands have stored stays, and they continue from it."""
        self._path(stage).unlink(missing_ok=True)

    def _path(self, stage: str) -> Path:
        return self._folder / f"{stage}.json"


def fingerprint(stage: Stage, before: str) -> str:
    """What went into a stage: its settings, and everything that went into the stages before it."""
    settings = json.dumps(stage.settings, sort_keys=True, default=str)
    return hashlib.sha256(f"{before}\n{stage.name}\n{settings}".encode()).hexdigest()[:16]
