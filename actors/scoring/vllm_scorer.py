"""Scores by vLLM's pooling engine: the value after the last token of a sequence, by its token ids."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from actors.engine.errors import one_line
from actors.engine.launch import engine_dtype, set_environment
from actors.scoring.scorer import ScoringError, require_lengths
from actors.settings import EngineSettings


class VllmScorer:
    """A value model in a pooling engine of vLLM, apart from the one that generates."""

    def __init__(self, folder: Path, settings: EngineSettings) -> None:
        """Start the engine. Raises `ScoringError` if vLLM rejects the value model."""
        set_environment(settings)
        from vllm import LLM

        self._max_tokens = settings.max_model_len
        try:
            self._engine: Any = LLM(
                model=str(folder),
                runner="pooling",
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

    def score(self, sequences: Sequence[Sequence[int]]) -> list[float]:
        """See `Scorer.score`."""
        from vllm.inputs import TokensPrompt

        require_lengths(sequences, self._max_tokens)
        prompts = [TokensPrompt(prompt_token_ids=list(sequence)) for sequence in sequences]
        # The head is a regression's, which vLLM applies no activation to.
        outputs = self._engine.classify(prompts, use_tqdm=False)
        return [float(output.outputs.probs[0]) for output in outputs]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.llm_engine.engine_core.shutdown()
        del self._engine
