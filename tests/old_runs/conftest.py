"""A run that an earlier version made, in a folder of its own."""

from pathlib import Path

import pytest

from .old_run import restore

FIXTURES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "store.sql").exists())
assert FIXTURES


@pytest.fixture(params=FIXTURES, ids=lambda path: path.name)
def old_run(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    run = tmp_path / "runs/demo-1"
    restore(request.param, run)
    return run
