"""A Llama of under a million parameters and its tokenizer, generated from a seed.

The default sizes learned arithmetic with an interpreter fastest on two CPU cores. `initializer_range` matters most: at
the usual 0.02 a model this small learns to copy digits far too late.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PAD, BOS, EOS = "<pad>", "<bos>", "<eos>"


class TinyLlama(BaseModel):
    """A tiny random Llama with a byte-level BPE tokenizer in which every digit is a separate token."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["tiny_llama"] = "tiny_llama"
    seed: int = 0
    vocabulary_size: int = Field(default=512, ge=260, description="at least 256 bytes and three special tokens")
    hidden_size: int = Field(default=128, ge=8)
    num_layers: int = Field(default=2, ge=1)
    intermediate_size: int = Field(default=384, ge=8)
    num_heads: int = Field(default=4, ge=1)
    num_kv_heads: int = Field(default=2, ge=1)
    head_size: int = Field(default=32, ge=8)
    initializer_range: float = Field(default=0.08, gt=0)
    rope_theta: float = Field(default=100.0, gt=0)
    max_position_embeddings: int = Field(default=1024, ge=64)

    def make(self, folder: Path, corpus: Iterable[str]) -> None:
        """Write model and tokenizer into `folder`; the tokenizer is trained on `corpus`."""
        import torch
        from transformers import LlamaForCausalLM

        tokenizer = self.tokenizer(corpus)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = LlamaForCausalLM(self._config(tokenizer))
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)

    def tokenizer(self, corpus: Iterable[str]) -> Any:
        """A byte-level BPE tokenizer (a `PreTrainedTokenizerFast`) trained on `corpus`, with single digits."""
        from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
        from transformers import PreTrainedTokenizerFast

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=self.vocabulary_size,
            special_tokens=[PAD, BOS, EOS],
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            show_progress=False,
        )
        tokenizer.train_from_iterator(corpus, trainer)
        return PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token=PAD,
            bos_token=BOS,
            eos_token=EOS,
            model_max_length=self.max_position_embeddings,
            clean_up_tokenization_spaces=False,
        )

    def _config(self, tokenizer: Any) -> Any:
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=self.vocabulary_size,
            hidden_size=self.hidden_size,
            num_hidden_layers=self.num_layers,
            intermediate_size=self.intermediate_size,
            num_attention_heads=self.num_heads,
            num_key_value_heads=self.num_kv_heads,
            head_dim=self.head_size,
            tie_word_embeddings=True,
            initializer_range=self.initializer_range,
            rope_parameters={"rope_type": "default", "rope_theta": self.rope_theta},
            max_position_embeddings=self.max_position_embeddings,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
