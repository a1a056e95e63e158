"""Progress of an export, kept beside its shards, so that the same export can continue after an interruption."""

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, ValidationError

from store.export.settings import ExportSettings
from store.records import Split

_FILE = "progress.json"


class SplitProgress(BaseModel):
    """What is written of one split: all rollouts up to and including the one with the number `after`."""

    after: int = 0
    shards: int = 0
    rows: int = 0


class ExportProgress(BaseModel):
    """The progress of an export. `until` is the newest rollout at its start: later ones are not exported."""

    settings: ExportSettings
    store: str
    until: int
    splits: dict[Split, SplitProgress] = Field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The progress saved in a folder; None if there is none, or it cannot be read."""
        try:
            return cls.model_validate_json((folder / _FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def save(self, folder: Path) -> None:
        """Replace the saved progress atomically."""
        temporary = folder / f".{_FILE}.tmp"
        temporary.write_text(json.dumps(self.model_dump(mode="json")), encoding="utf-8")
        temporary.replace(folder / _FILE)

    def remove(self, folder: Path) -> None:
        """Delete the saved progress of an export that is complete."""
        (folder / _FILE).unlink()
