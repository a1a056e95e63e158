"""The identity of a run in its trackers."""

import os
import uuid
from pathlib import Path


def run_identity(folder: Path) -> str:
    """The run's id, which is decided at its first start with a tracker and kept in its folder from then on."""
    file = folder / "tracking.id"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{file.name}-{os.getpid()}"
        aside.write_text(uuid.uuid4().hex, encoding="utf-8")
        aside.replace(file)
    return file.read_text(encoding="utf-8").strip()
