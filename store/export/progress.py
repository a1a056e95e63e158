"""How far an export has come, kept beside its shards, so that the same export goes on where it was cut off."""

import json
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, ValidationError

from store.export.settings import ExportSettings
from store.records import Split

_FILE = "progress.json"


class Written(BaseModel):
    """What is written of one split: up to and with the rollout `after`."""

    after: int = 0
    shards: int = 0
    rows: int = 0


class ExportProgress(BaseModel):
    """`until` is the newest rollout when the export began: what is written later is not looked at."""

    settings: ExportSettings
    store: str
    until: int
    splits: dict[Split, Written] = Field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What the folder says; None where it says nothing that can be gone on with."""
        try:
            return cls.model_validate_json((folder / _FILE).read_bytes())
        except (OSError, ValidationError):
            return None

    def save(self, folder: Path) -> None:
        """Replaces the file, whole or not at all."""
        aside = folder / f".{_FILE}.tmp"
        aside.write_text(json.dumps(self.model_dump(mode="json")), encoding="utf-8")
        aside.replace(folder / _FILE)

    def remove(self, folder: Path) -> None:
        """The export is complete."""
        (folder / _FILE).unlink()
