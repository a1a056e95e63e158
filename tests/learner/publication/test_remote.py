"""Publication under a URL: whole or absent, as in a folder, whatever is interrupted."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from learner.publication import MANIFEST, AlreadyPublishedError, PublicationError, checksum, is_complete, publication
from learner.publication.draft import open_draft
from learner.publication.record import read_policy_record, write_policy_record
from store.artifacts.cache import Cache
from store.artifacts.errors import StorageError
from store.artifacts.folder import folder_at
from store.artifacts.location import join
from store.artifacts.manifest import FileEntry
from store.records import Policy
from store.settings import StorageSettings

from ...s3_server import BUCKET, S3Server

LARGE = 120 << 20  # more than a part of an upload


def publish(url: str, storage: StorageSettings, text: str = "weights") -> None:
    with publication(url, storage=storage) as temporary:
        (temporary / "model.safetensors").write_text(text)
        (temporary / "config.json").write_text("{}")


def test_what_was_published_is_complete_and_nothing_is_left_on_the_disk(
    storage_url: str, storage: StorageSettings
) -> None:
    counts: list[int] = []
    with publication(storage_url, on_bytes=counts.append, storage=storage) as temporary:
        (temporary / "model.safetensors").write_text("weights")
    assert is_complete(storage_url)
    assert folder_at(storage_url).sizes().keys() == {"model.safetensors", MANIFEST}
    assert folder_at(storage_url).read("model.safetensors") == b"weights"
    assert sum(counts) == 2 * len("weights")  # hashed and uploaded
    assert storage.cache is not None
    assert list(storage.cache.glob("scratch-*")) == []


def test_the_machine_that_published_has_a_copy_already(s3: S3Server, s3_url: str, storage: StorageSettings) -> None:
    publish(s3_url, storage)
    known, before = checksum(s3_url), s3.reads(s3_url)
    with Cache(storage).held(s3_url, known) as folder:
        assert (folder / "model.safetensors").read_text() == "weights"
    assert s3.reads(s3_url) == before


def test_a_version_is_never_published_twice(storage_url: str, storage: StorageSettings) -> None:
    publish(storage_url, storage, "first")
    with pytest.raises(AlreadyPublishedError, match="a version is never used twice"):
        publish(storage_url, storage, "second")
    assert folder_at(storage_url).read("model.safetensors") == b"first"


def test_an_exception_while_writing_uploads_nothing(storage_url: str, storage: StorageSettings) -> None:
    def publish_half() -> None:
        with publication(storage_url, storage=storage) as temporary:
            (temporary / "model.safetensors").write_text("half")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        publish_half()
    assert folder_at(storage_url).sizes() == {}
    assert storage.cache is not None
    assert list(storage.cache.glob("scratch-*")) == []


_KILLED = """
import os, sys
from pathlib import Path
from learner.publication import publication
from store.artifacts.remote import RemoteFiles
from store.settings import StorageSettings
write = RemoteFiles.write
RemoteFiles.write = lambda self, name, data: os.kill(os.getpid(), 9)  # when all but the manifest is uploaded
with publication(sys.argv[1], storage=StorageSettings(cache=Path(sys.argv[2]))) as temporary:
    (temporary / "model.safetensors").write_text("old weights")
    (temporary / "old.json").write_text("{}")
"""


def test_what_a_killed_process_uploaded_is_not_complete_and_is_replaced(
    s3: S3Server, s3_url: str, storage: StorageSettings
) -> None:
    command = [sys.executable, "-c", _KILLED, s3_url, str(storage.cache)]
    assert subprocess.run(command, check=False, timeout=120).returncode == -9
    assert folder_at(s3_url).sizes().keys() == {"model.safetensors", "old.json"}
    assert not is_complete(s3_url)
    assert read_policy_record(s3_url) is None
    publish(s3_url, storage, "new weights")
    assert folder_at(s3_url).sizes().keys() == {"model.safetensors", "config.json", MANIFEST}
    assert folder_at(s3_url).read("model.safetensors") == b"new weights"
    assert storage.cache is not None
    assert list(storage.cache.glob("scratch-*")) == []  # that of the killed process neither


def test_a_publication_during_which_the_server_is_away_succeeds_after_it_is_back(
    s3: S3Server, s3_url: str, storage: StorageSettings
) -> None:
    back = threading.Timer(4.0, s3.start)
    with publication(s3_url, storage=storage) as temporary:
        with (temporary / "model.safetensors").open("wb") as file:
            file.truncate(LARGE)
        (temporary / "config.json").write_text("{}")
        s3.stop()
        back.start()
    back.join()
    assert is_complete(s3_url)
    assert folder_at(s3_url).sizes()["model.safetensors"] == LARGE


def test_a_server_that_stays_away_is_an_oserror_after_the_limit_on_silence_and_leaves_nothing_complete(
    s3: S3Server, s3_url: str, storage: StorageSettings
) -> None:
    def publish_to_nobody() -> None:
        with publication(s3_url, storage=storage.model_copy(update={"silence_s": 2.0})) as temporary:
            (temporary / "model.safetensors").write_text("weights")
            s3.stop()

    try:
        with pytest.raises(StorageError, match=r"the upload to s3://.* made no progress for 2 s") as raised:
            publish_to_nobody()
    finally:
        s3.start()
    assert isinstance(raised.value, OSError)
    assert "very-secret-key" not in str(raised.value)
    assert not is_complete(s3_url)


def test_the_first_look_at_a_server_that_is_away_is_an_oserror_too(
    s3: S3Server, s3_url: str, storage: StorageSettings
) -> None:
    s3.stop()
    try:
        with pytest.raises(StorageError, match="cannot be read"):
            is_complete(s3_url)
    finally:
        s3.start()


def test_a_bucket_that_does_not_exist_fails_at_once(s3: S3Server, storage: StorageSettings) -> None:
    with pytest.raises(OSError, match="no-such-bucket"):
        publish("s3://no-such-bucket/policies/v000001", storage)


def test_a_policy_is_described_where_it_is_published(storage_url: str, storage: StorageSettings) -> None:
    policy = Policy(3, 2, "elsewhere", training_set_id=7, metrics={"loss": 0.5}, config={"phase": "x"}, iteration=2)
    with publication(storage_url, storage=storage) as temporary:
        write_policy_record(temporary, policy)
    found = read_policy_record(storage_url)
    assert found is not None
    assert (found.version, found.path, found.checksum) == (3, storage_url, checksum(storage_url))
    assert read_policy_record(str(join(storage_url, "nothing"))) is None


def test_ranks_that_share_no_disk_publish_together(storage_url: str, storage: StorageSettings, tmp_path: Path) -> None:
    from learner.publication.files import HashingWriter

    drafts = [
        open_draft(storage_url, "one", storage.model_copy(update={"cache": tmp_path / f"machine-{rank}"}))
        for rank in range(2)
    ]
    entries: dict[str, FileEntry] = {}
    for rank, draft in enumerate(drafts):
        (draft.folder / "shards").mkdir()
        with HashingWriter(draft.folder / "shards" / f"rank-{rank}") as file:
            file.write(bytes(10 + rank))
        assert file.entry is not None
        entries[f"shards/rank-{rank}"] = file.entry
    drafts[0].upload({"shards/rank-0": entries["shards/rank-0"]}, lambda count: None)
    with pytest.raises(PublicationError, match="rank-1 has 0 of the 11 bytes"):
        drafts[0].seal(entries, lambda count: None)
    assert not is_complete(storage_url)
    drafts[1].upload({"shards/rank-1": entries["shards/rank-1"]}, lambda count: None)
    drafts[0].seal(entries, lambda count: None)
    for draft in drafts:
        draft.discard()
        assert not draft.folder.exists()
    assert is_complete(storage_url)


def test_the_bucket_is_as_the_other_tests_expect_it(s3: S3Server) -> None:
    assert {bucket["Name"] for bucket in s3.client().list_buckets()["Buckets"]} == {BUCKET}
