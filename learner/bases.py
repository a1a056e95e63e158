"""The starting points of a run, by `kind`. A new one is a file with a settings class and a line here."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from learner.huggingface import HuggingFace
from learner.policy_folder import check_policy_folder
from learner.publication import is_complete, publication
from learner.smollm2 import SmolLM2
from learner.tiny_llama import TinyLlama

Base = Annotated[TinyLlama | SmolLM2 | HuggingFace, Field(discriminator="kind")]
"""Settings of a starting point, for a field of another settings class."""


def make_base(base: TinyLlama | SmolLM2 | HuggingFace, folder: Path, corpus: Iterable[str] = ()) -> None:
    """Publish the starting point as the policy folder `folder`; one that is published there already is kept.

    `corpus` are texts that a tokenizer is trained on where the base makes its own.
    """
    if is_complete(folder):
        return
    with publication(folder) as temporary:
        base.make(temporary, corpus)
        check_policy_folder(temporary)
