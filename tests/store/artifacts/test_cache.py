"""Local copies of what is under a URL: fetched once, checked, within a limit, and let go."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from store.artifacts import room
from store.artifacts.cache import Cache
from store.artifacts.errors import DamagedArtifactError, StorageError
from store.artifacts.folder import folder_at
from store.artifacts.location import join
from store.artifacts.manifest import MANIFEST, FileEntry, checksum_of, to_json
from store.settings import StorageSettings

from ...s3_server import S3Server

MIB = 1 << 20


def publish(url: str, files: dict[str, bytes]) -> str:
    """Put files at a URL as a publication does; returns their checksum."""
    import hashlib

    entries = {name: FileEntry(hashlib.sha256(data).hexdigest(), len(data)) for name, data in files.items()}
    for name, data in files.items():
        folder_at(url).write(name, data)
    folder_at(url).write(MANIFEST, to_json(entries).encode())
    return checksum_of(entries)


FILES = {"config.json": b"{}", "model.safetensors": os.urandom(40 * MIB), "tokenizer.json": os.urandom(1000)}


def test_a_folder_is_used_where_it_is(tmp_path: Path, storage: StorageSettings) -> None:
    held = Cache(storage).hold(tmp_path)
    assert held.folder == tmp_path
    held.discard()
    held.release()
    assert not (tmp_path / "cache").exists()


def test_what_is_at_a_url_is_copied_with_every_byte_reported(storage_url: str, storage: StorageSettings) -> None:
    publish(storage_url, FILES)
    counts: list[int] = []
    with Cache(storage).held(storage_url, on_bytes=counts.append) as folder:
        assert {name: (folder / name).read_bytes() for name in FILES} == FILES
    assert sum(counts) == 2 * sum(len(data) for data in FILES.values())  # downloaded and hashed
    assert len(counts) > 4  # large files in parts


def test_a_copy_needs_no_storage_if_its_checksum_is_known(s3: S3Server, s3_url: str, storage: StorageSettings) -> None:
    checksum = publish(s3_url, FILES)
    Cache(storage).hold(s3_url, checksum).release()
    s3.stop()
    try:
        with Cache(storage).held(s3_url, checksum) as folder:
            assert (folder / "tokenizer.json").read_bytes() == FILES["tokenizer.json"]
    finally:
        s3.start()


def test_other_contents_at_the_same_url_are_another_copy(storage_url: str, storage: StorageSettings) -> None:
    publish(storage_url, {"file": b"before"})
    Cache(storage).hold(storage_url).release()
    checksum = publish(storage_url, {"file": b"after"})
    with Cache(storage).held(storage_url) as folder:
        assert (folder / "file").read_bytes() == b"after"
    publish(storage_url, {"file": b"again"})
    with Cache(storage).held(storage_url, checksum) as folder:
        assert (folder / "file").read_bytes() == b"after"


def test_what_was_never_published_is_said_to_be_missing(storage_url: str, storage: StorageSettings) -> None:
    folder_at(storage_url).write("model.safetensors", b"half of an upload")
    with pytest.raises(FileNotFoundError, match=r"nothing is published at .* no manifest\.json"):
        Cache(storage).hold(storage_url)


def test_a_damaged_object_is_found_by_its_hash_and_fetched_again_once_it_is_whole(
    storage_url: str, storage: StorageSettings
) -> None:
    publish(storage_url, FILES)
    folder_at(storage_url).write("tokenizer.json", bytes(1000))
    with pytest.raises(DamagedArtifactError, match=r"tokenizer\.json is damaged"):
        Cache(storage).hold(storage_url)
    folder_at(storage_url).write("tokenizer.json", FILES["tokenizer.json"])
    counts: list[int] = []
    with Cache(storage).held(storage_url, on_bytes=counts.append) as folder:
        assert (folder / "tokenizer.json").read_bytes() == FILES["tokenizer.json"]
    assert sum(counts) < 42 * MIB  # the large file was only hashed


def test_contents_that_are_not_those_of_the_checksum_are_refused(storage_url: str, storage: StorageSettings) -> None:
    publish(storage_url, FILES)
    with pytest.raises(DamagedArtifactError, match="is not what was published there"):
        Cache(storage).hold(storage_url, "1" * 64)


def test_a_copy_that_was_damaged_on_the_disk_is_repaired_when_it_was_discarded(
    storage_url: str, storage: StorageSettings
) -> None:
    publish(storage_url, FILES)
    held = Cache(storage).hold(storage_url)
    (held.folder / "tokenizer.json").write_bytes(bytes(1000))
    held.discard()
    with Cache(storage).held(storage_url) as folder:
        assert (folder / "tokenizer.json").read_bytes() == FILES["tokenizer.json"]


def test_the_least_recently_used_copies_make_room_and_held_ones_stay(storage_url: str, tmp_path: Path) -> None:
    cache = Cache(StorageSettings(cache=tmp_path / "cache", cache_gib=2.5 / 1024))
    urls = [join(storage_url, str(number)) for number in range(4)]
    for number, place in enumerate(urls):
        publish(str(place), {"file": bytes([number]) * MIB})
    held = [cache.hold(str(place)) for place in urls[:2]]
    with pytest.raises(StorageError, match=r"no room for the .* GiB of .*/2: .*cache_gib.* running processes use"):
        cache.hold(str(urls[2]))
    held[0].release()
    time.sleep(0.01)
    third = cache.hold(str(urls[2]))
    assert not held[0].folder.exists()
    assert held[1].folder.exists()
    third.release()
    held[1].release()
    cache.hold(str(urls[1])).release()  # used again: the third is now the oldest
    cache.hold(str(urls[3])).release()
    assert [one.folder.exists() for one in (held[0], held[1], third)] == [False, True, False]
    assert sum(file.stat().st_size for file in (tmp_path / "cache").rglob("file")) == 2 * MIB


_HOLD = """
import sys, time
from pathlib import Path
from store.artifacts.cache import Cache
from store.settings import StorageSettings
counts = []
held = Cache(StorageSettings(cache=Path(sys.argv[1]))).hold(sys.argv[2], on_bytes=counts.append)
print((held.folder / "model.safetensors").stat().st_size, flush=True)
"""


def test_of_readers_that_ask_at_once_one_fetches(s3: S3Server, s3_url: str, tmp_path: Path) -> None:
    publish(s3_url, FILES)
    before = s3.reads(s3_url)
    command = [sys.executable, "-c", _HOLD, str(tmp_path / "cache"), s3_url]
    readers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert [reader.communicate(timeout=120)[0].strip() for reader in readers] == [str(40 * MIB)] * 3
    reads = s3.reads(s3_url) - before
    assert reads == 3 + 1 + 3 + 2  # each the checksum; one the manifest, the large file in three parts, two small files


def test_a_fetch_that_was_killed_is_continued_file_by_file(s3: S3Server, s3_url: str, tmp_path: Path) -> None:
    publish(s3_url, {**FILES, "second.safetensors": b"x"})
    script = _HOLD.replace("on_bytes=counts.append", "on_bytes=lambda n: n == 1 and os.kill(os.getpid(), 9)")
    command = [sys.executable, "-c", "import os\n" + script, str(tmp_path / "cache"), s3_url]
    assert subprocess.run(command, check=False, timeout=120).returncode == -signal.SIGKILL
    counts: list[int] = []
    with Cache(StorageSettings(cache=tmp_path / "cache")).held(s3_url, on_bytes=counts.append) as folder:
        assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_a_download_during_which_the_server_is_away_succeeds_after_it_is_back(
    s3: S3Server, s3_url: str, storage: StorageSettings
) -> None:
    import threading

    checksum = publish(s3_url, FILES)
    s3.stop()
    back = threading.Timer(3.0, s3.start)
    back.start()
    with Cache(storage).held(s3_url, checksum) as folder:
        assert (folder / "config.json").read_bytes() == b"{}"
    back.join()


def test_a_folder_of_another_user_is_refused(tmp_path: Path, storage_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(storage_url, {"file": b"x"})
    monkeypatch.setattr(room, "_PARENT", tmp_path)
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    with pytest.raises(StorageError, match=r"/automathes-12345 belongs to another user: set storage\.cache"):
        Cache(StorageSettings()).hold(storage_url)
    Cache(StorageSettings(cache=tmp_path / "automathes-12345")).hold(storage_url).release()  # chosen on purpose
