import hashlib
import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from learner.publication.weights import weights_hashed, write_safetensors
from store.artifacts.manifest import FileEntry


def test_what_is_written_is_read_by_safetensors(tmp_path: Path) -> None:
    tensors = {
        "b.odd": torch.arange(5, dtype=torch.uint8),
        "a": torch.randn(3, 4),
        "half": torch.randn(7).to(torch.bfloat16),
        "transposed": torch.randn(4, 6).T,
        "scalar": torch.tensor(3.5, dtype=torch.float64),
        "empty": torch.zeros(0, 4),
        "mask": torch.tensor([True, False]),
    }
    reported: list[int] = []
    entry = write_safetensors(tensors, tmp_path / "model.safetensors", {"format": "pt"}, reported.append)
    loaded = load_file(tmp_path / "model.safetensors")
    assert loaded.keys() == tensors.keys()
    assert all(
        torch.equal(loaded[name], tensors[name]) and loaded[name].dtype == tensors[name].dtype for name in loaded
    )
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    assert entry.sha256 == hashlib.sha256((tmp_path / "model.safetensors").read_bytes()).hexdigest()
    assert sum(reported) == entry.size_bytes


def test_a_type_that_no_policy_has_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"w has the type torch\.complex64"):
        write_safetensors({"w": torch.zeros(2, dtype=torch.complex64)}, tmp_path / "f", None, lambda _: None)


def test_transformers_saves_shards_with_their_hashes(base: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(base)
    entries: dict[str, FileEntry] = {}
    with weights_hashed(tmp_path, entries, lambda _: None):
        model.save_pretrained(tmp_path, max_shard_size="20KB")
    shards = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert sorted(entries) == shards
    assert len(shards) > 1
    assert all(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() == entries[name].sha256 for name in shards)
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert set(index["weight_map"].values()) == set(shards)
    again = AutoModelForCausalLM.from_pretrained(tmp_path).state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in model.state_dict().items())
