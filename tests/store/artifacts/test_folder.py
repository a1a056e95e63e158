"""What is at a location is listed, read and removed in the same way, on a disk and under URLs of several kinds."""

from pathlib import Path

import pytest

from store.artifacts.errors import StorageMissingError
from store.artifacts.folder import checksum, folder_at, is_complete
from store.artifacts.location import Location, is_url, join, name_of
from store.artifacts.manifest import MANIFEST, FileEntry, to_json


@pytest.fixture(params=["folder", "url"])
def place(request: pytest.FixtureRequest, tmp_path: Path, storage_url: str) -> Location:
    return tmp_path / "folder" if request.param == "folder" else storage_url


def publish(place: Location, text: str = "weights") -> None:
    folder = folder_at(place)
    folder.write("model.safetensors", text.encode())
    folder.write(MANIFEST, to_json({"model.safetensors": FileEntry("0" * 64, len(text))}).encode())


def test_a_location_is_a_url_or_a_path() -> None:
    assert is_url("s3://bucket/run") is True
    assert is_url("/a/folder") is False
    assert is_url(Path("/a/folder")) is False
    assert join("s3://bucket/run/", "policies", "v000001") == "s3://bucket/run/policies/v000001"
    assert join("/a", "b") == join(Path("/a"), "b") == Path("/a/b")
    assert name_of("s3://bucket/run/") == name_of(Path("/some/run")) == "run"


def test_what_was_written_is_listed_and_read_in_whole_or_in_part(place: Location) -> None:
    folder = folder_at(join(place, "v1"))
    folder.write("file", b"0123456789")
    assert folder.sizes() == {"file": 10}
    assert folder.read("file") == b"0123456789"
    assert folder.read("file", 2, 5) == b"234"
    assert folder.written_at("file") > 1e9
    assert folder_at(place).folders() == ["v1"]
    assert folder_at(place).sizes() == {"v1/file": 10}


def test_an_empty_place_has_nothing_and_is_not_complete(place: Location) -> None:
    folder = folder_at(place)
    assert (folder.sizes(), folder.folders(), is_complete(place)) == ({}, [], False)
    with pytest.raises(FileNotFoundError):
        folder.read("file")
    folder.remove()


def test_a_folder_is_complete_if_every_file_of_its_manifest_has_its_size(place: Location) -> None:
    publish(place)
    assert is_complete(place)
    assert len(checksum(place)) == 64
    folder_at(place).write("model.safetensors", b"half")
    assert not is_complete(place)


def test_a_damaged_manifest_is_none(place: Location) -> None:
    publish(place)
    folder_at(place).write(MANIFEST, b'{"files": {"../outside": {"sha256": "0", "size_bytes": 1}}}')
    assert not is_complete(place)
    folder_at(place).write(MANIFEST, b"half of a mani")
    assert not is_complete(place)


def test_removal_removes_all_of_it_and_nothing_beside_it(place: Location) -> None:
    publish(join(place, "v1"))
    publish(join(place, "v10"))
    folder_at(join(place, "v1", "more", "inside")).write("file", b"x")
    folder_at(join(place, "v1")).remove()
    assert folder_at(place).folders() == ["v10"]
    assert folder_at(join(place, "v1")).sizes() == {}
    assert is_complete(join(place, "v10"))


def test_a_folder_whose_removal_was_interrupted_is_listed_until_it_is_gone(tmp_path: Path) -> None:
    publish(tmp_path / "v1")
    (tmp_path / "v1").rename(tmp_path / ".v1.pruned")
    assert folder_at(tmp_path).folders() == ["v1"]
    assert not is_complete(tmp_path / "v1")
    folder_at(tmp_path / "v1").remove()
    assert list(tmp_path.iterdir()) == []


def test_a_kind_of_storage_that_is_not_known_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageMissingError, match="nowhere://"):
        folder_at("nowhere://bucket/prefix")


def test_a_missing_package_is_named_with_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(StorageMissingError, match=r"gcsfs.*install automathes\[gcs\], or gcsfs=="):
        folder_at("gs://bucket/prefix")
