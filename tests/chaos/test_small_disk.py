"""A small disk takes a folder over, can be filled, and gives the folder back."""

import os
from pathlib import Path

import pytest

from .small_disk import SmallDisk

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


def test_a_full_disk_refuses_writes_until_it_is_emptied(tmp_path: Path) -> None:
    folder = tmp_path / "policies"
    (folder / "v000001").mkdir(parents=True)
    (folder / "v000001" / "weights").write_text("w")
    with SmallDisk(folder, size_mib=2) as disk:
        disk.fill()
        with pytest.raises(OSError, match="No space left"):
            (folder / "new").write_bytes(bytes(1 << 16))
        disk.empty()
        (folder / "new").write_bytes(bytes(1 << 16))
        assert os.path.ismount(folder)
    assert not os.path.ismount(folder)
    assert (folder / "v000001" / "weights").read_text() == "w"
    assert (folder / "new").stat().st_size == 1 << 16
