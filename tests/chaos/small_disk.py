"""A small disk under a folder of a run: a tmpfs that can be filled. Mounting it needs root."""

import contextlib
import shutil
import subprocess
from pathlib import Path
from tempfile import mkdtemp

BALLAST = ".ballast"
BLOCK_BYTES = 1 << 16


class SmallDisk:
    """Mounted over `folder`, whose files it takes over, inside a `with` block; afterwards the folder has them again."""

    def __init__(self, folder: Path, size_mib: int) -> None:
        self.folder = folder
        self._size_mib = size_mib
        self._aside = Path(mkdtemp(prefix="automathes-disk-"))

    def __enter__(self) -> "SmallDisk":
        shutil.copytree(self.folder, self._aside, dirs_exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"size={self._size_mib}m", "none", str(self.folder))
        _move(self._aside, self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self.empty()
        shutil.copytree(self.folder, self._aside, dirs_exist_ok=True)
        _run("umount", "--lazy", str(self.folder))
        shutil.rmtree(self.folder)
        shutil.move(self._aside, self.folder)

    def fill(self) -> None:
        """Fill it to the last block."""
        with contextlib.suppress(OSError), (self.folder / BALLAST).open("wb", buffering=0) as file:
            while True:
                file.write(bytes(BLOCK_BYTES))

    def empty(self) -> None:
        """Free the space again."""
        (self.folder / BALLAST).unlink(missing_ok=True)


def _move(source: Path, target: Path) -> None:
    for path in sorted(source.iterdir()):
        shutil.move(path, target / path.name)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=60)
