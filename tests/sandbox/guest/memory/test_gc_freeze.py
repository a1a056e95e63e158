"""Sessions share the warm parent's objects until they write to them: using an object must not write to it."""

import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.guest.memory.gc_freeze import VERSIONS

SCRIPT = """
import collections, sys
from sandbox.guest.memory.gc_freeze import freeze_refcounts
held = collections.OrderedDict({"name": ("text", 12345678901234567890)})
made = freeze_refcounts()
counts = [sys.getrefcount(held), sys.getrefcount(held["name"]), sys.getrefcount(held["name"][1])]
more = [held, held["name"], held["name"][1]] * 3
assert counts == [sys.getrefcount(held), sys.getrefcount(held["name"]), sys.getrefcount(held["name"][1])], counts
later = ["made afterwards"]
before = sys.getrefcount(later)
also = later
assert sys.getrefcount(later) == before + 1
del held, more, also
assert made > 10_000
print("done")
"""


@pytest.mark.skipif(sys.version_info[:2] not in VERSIONS, reason="this Python marks immortal objects differently")
def test_references_to_immortal_objects_are_not_counted_and_others_are() -> None:
    root = Path(__file__).parents[4]
    run = subprocess.run([sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True, timeout=120)
    assert run.stdout == "done\n", run.stderr
    assert run.returncode == 0
