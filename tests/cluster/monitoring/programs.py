"""The programs that these tests need."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROMTOOL = shutil.which("promtool")
needs_prometheus = pytest.mark.skipif(
    shutil.which("prometheus") is None or PROMTOOL is None,
    reason="Prometheus is not installed: `make test` installs it; Debian, Ubuntu: apt-get install prometheus",
)


def promtool(*arguments: str | Path) -> str:
    """Run Prometheus' own checker; returns its output. Fails with it if the checker does."""
    done = subprocess.run(
        [str(PROMTOOL), *map(str, arguments)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
