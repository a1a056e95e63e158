"""Value models that no training made."""

from pathlib import Path
from typing import Any


def make_value_model(policy: Path, folder: Path) -> None:
    """Save a value model of a policy with its tokenizer. Its head is random, so that scores spread."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    model: Any = AutoModelForSequenceClassification.from_pretrained(
        policy, num_labels=1, problem_type="regression", pad_token_id=0, dtype=torch.float32
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(policy).save_pretrained(folder)
