"""A Hugging Face model as the starting point: a local folder, or a name on the hub."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from learner.policy_folder import check_policy_folder
from learner.publication import MANIFEST

_WANTED = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")


class ModelUnavailableError(ValueError):
    """A model on the hub that does not exist, is gated, or cannot be reached and is not in the cache."""


class HuggingFace(BaseModel):
    """Any causal language model that transformers and vLLM load, e.g. `Qwen/Qwen2.5-Math-7B`."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["huggingface"] = "huggingface"
    name: str = Field(min_length=1, description="a folder, or owner/name on the hub")
    revision: str | None = None

    def make(self, folder: Path, corpus: Iterable[str]) -> None:
        """Bring the model's files into `folder`; `corpus` is not needed.

        A local folder is copied, because its owner may change it; the hub's cache never changes and is linked where
        the file system allows it. Raises `learner.policy_folder.PolicyFolderError` and `ModelUnavailableError`.
        """
        bring = shutil.copy2 if self._is_local else _link_or_copy
        source = self._folder() if self._is_local else self._download()
        check_policy_folder(source)
        for file in sorted(source.iterdir()):
            if file.name != MANIFEST and any(file.match(pattern) for pattern in _wanted(source)):
                bring(file.resolve(), folder / file.name)

    @property
    def _is_local(self) -> bool:
        return self._folder().is_dir() or self.name.startswith((".", "/", "~"))

    def _folder(self) -> Path:
        return Path(self.name).expanduser()

    def _download(self) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

        try:
            return Path(snapshot_download(self.name, revision=self.revision, allow_patterns=list(_WANTED)))
        except HFValidationError as error:
            raise ModelUnavailableError(
                f"{self.name!r} is neither a folder nor a name of the form owner/name"
            ) from error
        except LocalEntryNotFoundError as error:
            raise ModelUnavailableError(
                f"{self.name} is not in the local cache and the hub cannot be reached; "
                "give a folder instead, or download it where there is a network"
            ) from error
        except RepositoryNotFoundError as error:
            raise ModelUnavailableError(
                f"the hub has no model {self.name}, or it is private or gated: check the name, or set HF_TOKEN"
            ) from error


def _wanted(source: Path) -> tuple[str, ...]:
    return _WANTED if any(source.glob("*.safetensors")) else (*_WANTED, "pytorch_model*.bin")


def _link_or_copy(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(file, target)
