import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from learner.bases import Base, make_base
from learner.bases.huggingface import HuggingFace, ModelUnavailableError
from learner.bases.smollm2 import SmolLM2
from learner.bases.tiny_llama import TinyLlama
from learner.policy_folder import PolicyFolderError
from learner.publication import checksum, is_complete


class Holder(BaseModel):
    base: Base


def test_every_digit_is_a_separate_token_and_text_round_trips(tokenizer: Any) -> None:
    for text in ("1234567890", "x = 12*345\n", "\\boxed{408}", " 7", "≤ 3²"):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
    digits = [tokenizer.decode([token]) for token in tokenizer.encode("9081726354")]
    assert digits == list("9081726354")


def test_no_token_holds_more_than_one_digit(tokenizer: Any) -> None:
    for token in range(len(tokenizer)):
        assert sum(character.isdigit() for character in tokenizer.decode([token])) <= 1


def test_the_special_tokens_are_set_and_nothing_is_added_when_encoding(tokenizer: Any) -> None:
    assert (tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token) == ("<pad>", "<bos>", "<eos>")
    assert tokenizer.encode("") == []


def test_the_demo_llama_has_its_size_and_is_reproducible_from_its_seed(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    corpus = ["What is 3*4?", "```python\nprint(3*4)\n```"]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        make_base(TinyLlama(seed=seed), tmp_path / name, corpus)
    assert checksum(tmp_path / "a") == checksum(tmp_path / "b") != checksum(tmp_path / "c")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "a")
    assert sum(parameter.numel() for parameter in model.parameters()) == 459_392
    assert model.config.rope_parameters["rope_theta"] == 100.0
    assert model.config.eos_token_id is not None


def test_an_existing_base_is_kept(base: Path) -> None:
    before = checksum(base)
    make_base(TinyLlama(seed=5), base)
    assert checksum(base) == before


def test_a_local_folder_becomes_a_policy(base: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(base, source)
    (source / "notes.bin").write_text("not wanted")
    make_base(HuggingFace(name=str(source)), tmp_path / "policies" / "v000000")
    published = tmp_path / "policies" / "v000000"
    assert is_complete(published)
    assert not (published / "notes.bin").exists()
    assert (published / "model.safetensors").read_bytes() == (base / "model.safetensors").read_bytes()


def test_a_folder_without_weights_is_refused_and_nothing_is_left(base: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(base, source)
    (source / "model.safetensors").unlink()
    with pytest.raises(PolicyFolderError, match="no weights"):
        make_base(HuggingFace(name=str(source)), tmp_path / "policies" / "v000000")
    assert list((tmp_path / "policies").iterdir()) == []


def test_an_invalid_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="neither a folder nor a name"):
        make_base(HuggingFace(name="no/such/thing"), tmp_path / "v000000")


def test_a_model_that_is_not_cached_is_refused_when_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailableError, match="not in the local cache"):
        make_base(HuggingFace(name="automathes/not-there"), tmp_path / "v000000")


def test_bases_are_selected_by_kind() -> None:
    assert isinstance(Holder.model_validate({"base": {"kind": "smollm2"}}).base, SmolLM2)
    with pytest.raises(ValidationError, match="tiny_llama"):
        Holder.model_validate({"base": {"kind": "llama4"}})
    with pytest.raises(ValidationError, match="hidden"):
        Holder.model_validate({"base": {"kind": "tiny_llama", "hidden": 4}})


@pytest.mark.slow
def test_smollm2_is_unpacked_with_its_chat_template(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    make_base(SmolLM2(), tmp_path / "v000000")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "v000000")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "v000000")
    assert sum(parameter.numel() for parameter in model.parameters()) > 130_000_000
    assert "assistant" in tokenizer.apply_chat_template(
        [{"role": "user", "content": "Hi"}], tokenize=False, add_generation_prompt=True
    )
