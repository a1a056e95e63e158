"""A folder for hosts, which have a /tmp of their own: so it lies elsewhere."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def hosts_folder() -> Iterator[Path]:
    """A temporary folder outside /tmp."""
    folder = Path(tempfile.mkdtemp(prefix="automathes-hosts-", dir="/var/tmp"))
    yield folder / "hosts"
    shutil.rmtree(folder, ignore_errors=True)
