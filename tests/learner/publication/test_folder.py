import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from learner.publication import (
    MANIFEST,
    AlreadyPublishedError,
    PublicationError,
    checksum,
    clean_leftovers,
    is_complete,
    publication,
)
from store.artifacts.manifest import FileEntry


def publish(folder: Path, text: str = "weights") -> None:
    with publication(folder) as temporary:
        (temporary / "model.safetensors").write_text(text)
        (temporary / "config.json").write_text("{}")


def test_a_published_folder_is_complete_and_holds_what_was_written(tmp_path: Path) -> None:
    publish(tmp_path / "v000001")
    assert is_complete(tmp_path / "v000001")
    assert (tmp_path / "v000001" / "model.safetensors").read_text() == "weights"
    assert [path.name for path in tmp_path.iterdir()] == ["v000001"]


def test_an_exception_while_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    def publish_half() -> None:
        with publication(tmp_path / "v000001") as temporary:
            (temporary / "model.safetensors").write_text("half")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        publish_half()
    assert list(tmp_path.iterdir()) == []


def test_a_process_killed_while_writing_leaves_only_leftovers_that_are_cleaned(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from pathlib import Path\n"
        "from learner.publication import publication\n"
        f"with publication(Path({str(tmp_path)!r}) / 'v000001') as temporary:\n"
        "    (temporary / 'model.safetensors').write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -signal.SIGKILL
    assert not is_complete(tmp_path / "v000001")
    assert len(clean_leftovers(tmp_path)) == 1
    assert list(tmp_path.iterdir()) == []


def run_on_tiny_disk(script: str, mount_point: Path) -> subprocess.CompletedProcess[str]:
    """Run Python with a 256 KiB file system at `mount_point` that only this process sees."""
    shell = f'mount -t tmpfs -o size=256k none "{mount_point}" && exec "{sys.executable}" -c "$1"'
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", shell, "sh", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": "."})
    if "mount:" in done.stderr or "unshare:" in done.stderr:
        pytest.skip(f"no user namespaces here: {done.stderr.strip()}")
    return done


needs_unshare = pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare (util-linux)")


@needs_unshare
def test_a_full_disk_is_reported_and_leaves_nothing_behind(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path\n"
        "from learner.publication import DiskFullError, publication\n"
        f"parent = Path({str(tmp_path)!r})\n"
        "try:\n"
        "    with publication(parent / 'v000001') as temporary:\n"
        "        (temporary / 'model.safetensors').write_bytes(bytes(1 << 20))\n"
        "except DiskFullError as error:\n"
        "    print(error, list(parent.iterdir()))\n"
    )
    done = run_on_tiny_disk(script, tmp_path)
    assert "the disk is full" in done.stdout, done.stderr
    assert done.stdout.strip().endswith("[]")


def test_a_file_that_was_hashed_while_it_was_written_is_not_read_again(tmp_path: Path) -> None:
    entry = FileEntry("0" * 64, 7)
    with publication(tmp_path / "v000001", {"model.safetensors": entry}) as temporary:
        (temporary / "model.safetensors").write_text("weights")
    manifest = json.loads((tmp_path / "v000001" / MANIFEST).read_text())
    assert manifest["files"]["model.safetensors"]["sha256"] == "0" * 64


def test_a_file_that_is_shorter_than_what_was_written_is_refused(tmp_path: Path) -> None:
    def publish_shortened() -> None:
        with publication(tmp_path / "v000001", {"model.safetensors": FileEntry("0" * 64, 9)}) as temporary:
            (temporary / "model.safetensors").write_text("weights")

    with pytest.raises(PublicationError, match="has not the 9 bytes"):
        publish_shortened()
    assert list(tmp_path.iterdir()) == []


def test_a_version_is_never_published_twice(tmp_path: Path) -> None:
    publish(tmp_path / "v000001", "first")
    with pytest.raises(AlreadyPublishedError, match="v000001"):
        publish(tmp_path / "v000001", "second")
    assert (tmp_path / "v000001" / "model.safetensors").read_text() == "first"


def test_a_folder_without_a_manifest_or_with_a_truncated_file_is_not_complete(tmp_path: Path) -> None:
    publish(tmp_path / "v000001")
    publish(tmp_path / "v000002")
    (tmp_path / "v000001" / MANIFEST).unlink()
    (tmp_path / "v000002" / "model.safetensors").write_text("w")
    assert not is_complete(tmp_path / "v000001")
    assert not is_complete(tmp_path / "v000002")


def test_the_checksum_depends_on_the_contents(tmp_path: Path) -> None:
    publish(tmp_path / "a", "same")
    publish(tmp_path / "b", "same")
    publish(tmp_path / "c", "diff")
    assert checksum(tmp_path / "a") == checksum(tmp_path / "b") != checksum(tmp_path / "c")
