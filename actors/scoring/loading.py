"""Loading of a value model, by the engine that is chosen."""

from pathlib import Path
from typing import Literal

from actors.engine.launch import is_installed
from actors.scoring.scorer import Scorer
from actors.settings import EngineSettings

ScoringEngine = Literal["auto", "vllm", "torch"]
"""What computes scores; auto is vLLM on GPUs and torch elsewhere, where vLLM takes longer to start than to score."""


def open_scorer(engine: ScoringEngine, folder: Path, settings: EngineSettings, policy: Path | None = None) -> Scorer:
    """Load the value model in `folder`.

    Of the settings those apply that are not about sampling: number format, length, threads, memory, parallelism.
    With the `policy` that it was trained from, vLLM scores by its adapter beside the policy, unmerged.

    Raises:
        ScoringError: it could not be loaded.
    """
    if policy is not None or engine == "vllm" or (engine == "auto" and is_installed("vllm")):
        from actors.scoring.vllm_scorer import VllmScorer

        return VllmScorer(folder, settings, policy)
    from actors.scoring.torch_scorer import TorchScorer

    return TorchScorer(folder, settings)
