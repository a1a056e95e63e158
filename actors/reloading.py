"""Extension of vLLM's worker that loads new weights into every layer, tied ones included."""

from typing import Any


class WeightReloading:
    """Mixed into vLLM's worker (`worker_extension_cls`); the engine calls its method by name in the worker process."""

    model_runner: Any

    def reload_policy(self, folder: str) -> None:
        """Load the weights in `folder` into the running model.

        On a CPU, vLLM computes with a packed copy of each weight, and its reload packs the layers that the checkpoint
        has weights for. A head tied to the embedding has none, so without the extra step it would keep the packed
        weights of the previous policy.
        """
        from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
        from vllm.platforms import current_platform

        self.model_runner.reload_weights(weights_path=folder)
        if not current_platform.is_cpu():
            return
        for layer in self.model_runner.get_model().modules():
            if isinstance(layer, ParallelLMHead):
                layer.quant_method.process_weights_after_loading(layer)
