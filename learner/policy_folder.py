"""The check that a folder holds a policy."""

from pathlib import Path


class PolicyFolderError(ValueError):
    """A folder does not hold a policy."""


_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def check_policy_folder(folder: Path) -> None:
    """Raise `PolicyFolderError` unless `folder` is a Hugging Face model with weights and a tokenizer."""
    if not folder.is_dir():
        raise PolicyFolderError(f"no such folder: {folder}")
    if not (folder / "config.json").is_file():
        raise PolicyFolderError(f"{folder} holds no config.json: it is not a Hugging Face model folder")
    if not any(any(folder.glob(pattern)) for pattern in _WEIGHTS):
        raise PolicyFolderError(f"{folder} holds no weights (*.safetensors or pytorch_model*.bin)")
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise PolicyFolderError(f"{folder} holds no tokenizer (tokenizer.json, tokenizer.model or vocab.json)")


def weights_bytes(folder: Path) -> int:
    """The size of the weights in a policy's folder; 0 if this machine does not see it."""
    return sum(file.stat().st_size for pattern in _WEIGHTS for file in folder.glob(pattern))
