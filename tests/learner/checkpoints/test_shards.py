import copy
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from learner.checkpoints.shards import ShardFiles, host_copy


def test_a_copy_is_independent_and_shares_what_was_shared() -> None:
    tied = torch.ones(3)
    module = OrderedDict(embedding=tied, head=tied, nested=[(torch.zeros(2), 5)])
    module._metadata = {"version": 1}  # type: ignore[attr-defined]
    original = copy.deepcopy(module)
    copied = host_copy(module)
    tied.add_(1)
    module["nested"][0][0].add_(1)
    assert torch.equal(copied["embedding"], original["embedding"])
    assert copied["head"].data_ptr() == copied["embedding"].data_ptr()
    assert torch.equal(copied["nested"][0][0], torch.zeros(2))
    assert copied._metadata == {"version": 1}


@pytest.mark.parametrize("copies", [True, False])
def test_a_write_that_fails_is_raised_when_the_copies_are_written(tmp_path: Path, copies: bool) -> None:
    files = ShardFiles(copies)
    files.save({"w": torch.zeros(1 << 18)}, Path("/dev/full"))
    with pytest.raises(OSError, match="No space left"):
        files.write_copies()


@pytest.mark.parametrize("copies", [True, False])
def test_what_was_saved_is_loaded(tmp_path: Path, copies: bool) -> None:
    files, weights = ShardFiles(copies), torch.randn(5)
    files.save({"w": weights}, tmp_path / "a.pt")
    saved = weights.clone()
    weights.zero_() if copies else None
    files.write_copies()
    assert torch.equal(files.load(tmp_path / "a.pt", "cpu")["w"], saved)
    assert files.entries[tmp_path / "a.pt"].size_bytes == (tmp_path / "a.pt").stat().st_size
