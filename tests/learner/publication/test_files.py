import errno
import hashlib
from pathlib import Path

import pytest
import torch

from learner.publication.files import HashingWriter, ReportingReader


def test_the_hash_is_that_of_the_file_and_every_byte_is_reported(tmp_path: Path) -> None:
    reported: list[int] = []
    data = bytes(range(256)) * 200_000  # more than one chunk
    with HashingWriter(tmp_path / "file", reported.append) as file:
        file.write(data)
        file.write(memoryview(b"end"))
    assert file.entry is not None
    assert (tmp_path / "file").read_bytes() == data + b"end"
    assert file.entry.sha256 == hashlib.sha256(data + b"end").hexdigest()
    assert file.entry.size_bytes == sum(reported) == len(data) + 3
    assert len(reported) > 2


def test_what_torch_saves_is_hashed_and_read_again_with_progress(tmp_path: Path) -> None:
    state = {"weights": torch.randn(1000, 300), "step": 7}
    with HashingWriter(tmp_path / "state.pt") as file:
        torch.save(state, file)
    assert file.entry is not None
    assert file.entry.sha256 == hashlib.sha256((tmp_path / "state.pt").read_bytes()).hexdigest()
    reported: list[int] = []
    with ReportingReader(tmp_path / "state.pt", reported.append) as reader:
        loaded = torch.load(reader, weights_only=False)
    assert torch.equal(loaded["weights"], state["weights"])
    assert sum(reported) > state["weights"].nbytes


def test_a_full_disk_is_raised_when_the_file_ends_whoever_wrote_to_it() -> None:
    file = HashingWriter(Path("/dev/full"))
    with pytest.raises(OSError, match="No space left") as raised, file:
        torch.save({"weights": torch.zeros(1 << 20)}, file)
    assert raised.value.errno == errno.ENOSPC
    assert file.entry is None
