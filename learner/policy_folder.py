"""The check that a folder holds a policy."""

import logging
from fnmatch import fnmatch
from pathlib import Path

from store.artifacts.errors import StorageError
from store.artifacts.folder import folder_at
from store.artifacts.location import Location, is_url

log = logging.getLogger(__name__)


class PolicyFolderError(ValueError):
    """A folder does not hold a policy."""


_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")


def check_policy_folder(folder: Location) -> None:
    """Raise `PolicyFolderError` unless `folder` is a Hugging Face model with weights and a tokenizer."""
    if not is_url(folder) and not Path(folder).is_dir():
        raise PolicyFolderError(f"no such folder: {folder}")
    names = folder_at(folder).sizes()
    if "config.json" not in names:
        raise PolicyFolderError(f"{folder} holds no config.json: it is not a Hugging Face model folder")
    if not any(_is_weights(name) for name in names):
        raise PolicyFolderError(f"{folder} holds no weights (*.safetensors or pytorch_model*.bin)")
    if not any(name in names for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise PolicyFolderError(f"{folder} holds no tokenizer (tokenizer.json, tokenizer.model or vocab.json)")


def weights_bytes(folder: Location) -> int:
    """The size of the weights in a policy's folder; 0 if this machine does not see it, or cannot reach it now."""
    try:
        return sum(size for name, size in folder_at(folder).sizes().items() if _is_weights(name))
    except StorageError as error:
        log.warning("the size of the policy at %s is not known: %s", folder, error)
        return 0


def _is_weights(name: str) -> bool:
    return "/" not in name and any(fnmatch(name, pattern) for pattern in _WEIGHTS)
