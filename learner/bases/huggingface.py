"""A Hugging Face model as the starting point: a local folder, or a model on the hub."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from learner.policy_folder import check_policy_folder
from learner.publication import MANIFEST
from learner.publication.record import POLICY_FILE

_PATTERNS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")


class ModelUnavailableError(ValueError):
    """A model on the hub does not exist, is gated, or can be neither downloaded nor found in the cache."""


class HuggingFace(BaseModel):
    """Any causal language model that transformers and vLLM load, e.g. `Qwen/Qwen2.5-Math-7B`."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["huggingface"] = "huggingface"
    name: str = Field(min_length=1, description="a folder, or owner/name on the hub")
    revision: str | None = None

    def make(self, folder: Path, corpus: Iterable[str]) -> None:
        """Put the model's files into `folder`; `corpus` is not needed.

        A local folder is copied, because it may change later. The hub's cache never changes, so its files are linked
        where the file system allows it.

        Raises:
            PolicyFolderError: the files are not a policy.
            ModelUnavailableError: the model does not exist, is gated or cannot be reached.
        """
        transfer = shutil.copy2 if self._is_local else _link_or_copy
        source = self._folder() if self._is_local else self._download()
        check_policy_folder(source)
        for file in sorted(source.iterdir()):
            if file.name not in (MANIFEST, POLICY_FILE) and any(file.match(pattern) for pattern in _patterns(source)):
                transfer(file.resolve(), folder / file.name)

    @property
    def _is_local(self) -> bool:
        return self._folder().is_dir() or self.name.startswith((".", "/", "~"))

    def _folder(self) -> Path:
        return Path(self.name).expanduser()

    def _download(self) -> Path:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError, RepositoryNotFoundError

        try:
            return Path(snapshot_download(self.name, revision=self.revision, allow_patterns=list(_PATTERNS)))
        except HFValidationError as error:
            raise ModelUnavailableError(
                f"{self.name!r} is neither a folder nor a name of the form owner/name"
            ) from error
        except LocalEntryNotFoundError as error:
            raise ModelUnavailableError(
                f"{self.name} is not in the local cache and the hub cannot be reached; "
                "give a folder instead, or download it on a machine with network access"
            ) from error
        except RepositoryNotFoundError as error:
            raise ModelUnavailableError(
                f"the hub has no model {self.name}, or it is private or gated: check the name, or set HF_TOKEN"
            ) from error


def _patterns(source: Path) -> tuple[str, ...]:
    return _PATTERNS if any(source.glob("*.safetensors")) else (*_PATTERNS, "pytorch_model*.bin")


def _link_or_copy(file: Path, target: Path) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system, or one without hard links
        shutil.copy2(file, target)
