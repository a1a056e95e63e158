"""The files of a policy: whole ones are accepted, damaged ones named with what is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from actors.engine.policy_files import (
    UnusablePolicyError,
    read_policy,
    require_same_shapes,
    size_bytes,
    tensor_shapes,
)
from learner.publication import checksum, publication
from store.records import PolicyPointer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A published policy in two files."""
    folder = tmp_path / "v000001"
    with publication(folder) as temporary:
        for part in ("1", "2"):
            save_file({f"layer.{part}": np.arange(5000, dtype=np.float32)}, temporary / f"model-{part}.safetensors")
        (temporary / "config.json").write_text("{}")
    return folder


def read(folder: Path, known_checksum: str | None = None) -> int:
    """The number of bytes that were read."""
    counts: list[int] = []
    read_policy(PolicyPointer(1, str(folder), known_checksum), counts.append)
    return sum(counts)


def test_a_published_policy_is_read_whole(folder: Path) -> None:
    assert read(folder, checksum(folder)) == size_bytes(folder) + len("{}")
    assert size_bytes(folder) > 40_000


def test_a_policy_without_a_manifest_is_read(folder: Path) -> None:
    (folder / "manifest.json").unlink()
    assert read(folder) == size_bytes(folder)


def flip_a_bit(folder: Path) -> None:
    path = folder / "model-2.safetensors"
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)


def cut(folder: Path) -> None:
    path = folder / "model-2.safetensors"
    path.write_bytes(path.read_bytes()[:-1])


def lose_a_file(folder: Path) -> None:
    (folder / "model-1.safetensors").unlink()


def damage_the_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_a_bit, r"model-2\.safetensors is corrupted: its sha256 is not the one in the manifest"),
        (cut, r"model-2\.safetensors is truncated: it has \d+ bytes, and the manifest says \d+"),
        (lose_a_file, r"cannot be read: .*model-1\.safetensors"),
        (damage_the_manifest, r"cannot be read: "),
    ],
)
def test_a_damaged_policy_is_refused(folder: Path, damage: Callable[[Path], None], reason: str) -> None:
    damage(folder)
    with pytest.raises(UnusablePolicyError, match=reason):
        read(folder)


def test_a_policy_that_is_not_the_recorded_one_is_refused(folder: Path) -> None:
    with pytest.raises(UnusablePolicyError, match=r"v000001 is not the one that the store has for policy 1"):
        read(folder, "0" * 64)


def test_shapes_are_compared_by_name(folder: Path, tmp_path: Path) -> None:
    shapes = tensor_shapes(folder)
    assert shapes == {"layer.1": (5000,), "layer.2": (5000,)}
    require_same_shapes(shapes, dict(reversed(shapes.items())), folder)
    with pytest.raises(UnusablePolicyError, match=r"differs in shape from the running model: layer\.2"):
        require_same_shapes(shapes, shapes | {"layer.2": (5001,)}, folder)


def test_a_header_that_describes_other_bytes_is_refused(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    cut(copy)
    with pytest.raises(UnusablePolicyError, match=r"model-2\.safetensors is truncated: it has"):
        tensor_shapes(copy)


def test_the_manifest_has_the_keys_that_are_checked(folder: Path) -> None:
    files = json.loads((folder / "manifest.json").read_text())["files"]
    assert all(entry.keys() >= {"sha256", "size_bytes"} for entry in files.values())
