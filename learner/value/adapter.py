"""The trained part of a value model with LoRA, apart from its policy: a folder in the layout of PEFT's adapters.

It is kept beside the merged weights. A server that has the policy loads it in milliseconds; vLLM scores with it as with
the merged model (`actors/scoring/vllm_scorer.py`).
"""

import json
from collections.abc import Mapping
from pathlib import Path

import torch

from learner.publication.weights import write_safetensors
from learner.value.lora import updates
from learner.value.settings import LoraSettings

ADAPTER = "adapter"
"""The folder, inside that of the value model."""

HEAD = "score"
_PREFIX = "base_model.model."


def write_adapter(folder: Path, weights: Mapping[str, torch.Tensor], settings: LoraSettings, base: str) -> None:
    """Write the updates and the head among these weights of a model with LoRA. Raises OSError.

    `base` names the policy that the updates belong to.
    """
    found = {f"{_PREFIX}{layer}.lora_{kind}.weight": weight for layer, kind, weight in updates(weights)}
    found |= {f"{_PREFIX}{name}": weight for name, weight in weights.items() if name.startswith(f"{HEAD}.")}
    folder.mkdir(parents=True, exist_ok=True)
    write_safetensors(found, folder / "adapter_model.safetensors", {"format": "pt"}, lambda _: None)
    config = {
        "peft_type": "LORA",
        "task_type": "SEQ_CLS",
        "base_model_name_or_path": base,
        "r": settings.rank,
        "lora_alpha": int(settings.alpha) if settings.alpha.is_integer() else settings.alpha,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": list(settings.targets),
        "modules_to_save": [HEAD],
        "inference_mode": True,
    }
    (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
