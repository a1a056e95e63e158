"""The registry of starting points, by `kind`."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from learner.bases.huggingface import HuggingFace
from learner.bases.smollm2 import SmolLM2
from learner.bases.tiny_llama import TinyLlama
from learner.policy_folder import check_policy_folder
from learner.publication import is_complete, publication
from store.artifacts.location import Location
from store.settings import StorageSettings

Base = Annotated[TinyLlama | SmolLM2 | HuggingFace, Field(discriminator="kind")]
"""The settings of a starting point, for a field of another settings class."""


def make_base(
    base: TinyLlama | SmolLM2 | HuggingFace,
    location: Location,
    corpus: Iterable[str] = (),
    storage: StorageSettings | None = None,
) -> None:
    """Publish the starting point as the policy at `location`; a complete one is kept.

    `corpus` holds texts to train a tokenizer on, for bases that make their own.

    Raises:
        PolicyFolderError: the base is not a policy.
        ModelUnavailableError: a model on the hub does not exist or cannot be reached.
        PackagedModelMissingError: the package that carries the model is not installed.
    """
    if is_complete(location):
        return
    with publication(location, storage=storage) as temporary:
        base.make(temporary, corpus)
        check_policy_folder(temporary)
