"""The documentation site builds without a warning: links, anchors and cross-references lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

from .markdown import ROOT

REFERENCE = ("store.store.Store", "sandbox.interpreter.Sandbox", "cluster.config.run_config.RunConfig")


def test_the_site_builds_strictly_and_needs_no_other_server(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]

    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)

    assert built.returncode == 0, built.stdout + built.stderr
    pages = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("*.html")}
    loaded = [found for page in pages.values() for found in re.findall(r'(?:src|<link[^>]*href)="(https?:[^"]+)', page)]
    assert not loaded
    assert all(any(f'id="{name}"' in page for page in pages.values()) for name in REFERENCE)
