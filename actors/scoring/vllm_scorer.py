"""Scores by vLLM's pooling engine: the value after the last token of a sequence, by its token ids."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from actors.engine.errors import one_line
from actors.engine.launch import engine_dtype, set_environment
from actors.scoring.scorer import ScoringError, choose_values, require_lengths
from actors.settings import EngineSettings

_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)  # of adapters, that vLLM makes room for


class VllmScorer:
    """A value model in a pooling engine of vLLM, apart from the one that generates."""

    def __init__(self, folder: Path, settings: EngineSettings, policy: Path | None = None) -> None:
        """Start the engine. Raises `ScoringError` if vLLM rejects the value model.

        With the `policy` that the value model was trained from, its adapter is put beside the weights of the policy.
        """
        set_environment(settings)
        from vllm import LLM

        self._max_tokens = settings.max_model_len
        options: dict[str, Any] = {}
        self._adapter: Any = None
        if policy is not None:
            self._adapter, options = _adapter(folder)
        try:
            self._engine: Any = LLM(
                model=str(policy or folder),
                runner="pooling",
                **options,
                dtype=engine_dtype(settings),
                max_model_len=settings.max_model_len,
                max_num_seqs=settings.max_concurrent_rollouts,
                tensor_parallel_size=settings.tensor_parallel,
                gpu_memory_utilization=settings.gpu_memory_utilization,
                enforce_eager=settings.enforce_eager,
                seed=settings.seed,
                disable_log_stats=True,
                use_tqdm_on_load=False,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ScoringError(f"vLLM did not start with the value model in {folder}: {one_line(error)}") from error

    def score(self, sequences: Sequence[Sequence[int]], keys: Sequence[int] | None = None) -> list[float]:
        """See `Scorer.score`."""
        from vllm.inputs import TokensPrompt

        require_lengths(sequences, self._max_tokens)
        prompts = [TokensPrompt(prompt_token_ids=list(sequence)) for sequence in sequences]
        # The head is a regression's, which vLLM applies no activation to.
        outputs = self._engine.classify(prompts, use_tqdm=False, lora_request=self._adapter)
        return choose_values([output.outputs.probs for output in outputs], keys)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.llm_engine.engine_core.shutdown()
        del self._engine


def _adapter(folder: Path) -> tuple[Any, dict[str, Any]]:
    """The request for the adapter of a value model, and the options of an engine with a policy that takes it.

    Raises:
        ScoringError: it has none.
    """
    from vllm.lora.request import LoRARequest

    path = folder / "adapter"
    try:
        rank = int(json.loads((path / "adapter_config.json").read_text(encoding="utf-8"))["r"])
        model = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError) as error:
        raise ScoringError(f"the value model in {folder} has no adapter (value.backbone=lora makes one)") from error
    overrides = {name: model[name] for name in ("architectures", "problem_type")}
    overrides["num_labels"] = len(model.get("id2label", {0: ""}))
    most = next((size for size in _RANKS if size >= rank), None)
    if most is None:
        raise ScoringError(f"the adapter in {path} has rank {rank}: vLLM takes at most {_RANKS[-1]}")
    options = {"convert": "classify", "hf_overrides": overrides, "enable_lora": True, "max_lora_rank": most}
    return LoRARequest("value", 1, str(path)), options
