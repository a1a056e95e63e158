"""What vLLM's worker is taught for a swap: to load new weights into every layer, tied ones included."""

from typing import Any


class WeightReloading:
    """Mixed into vLLM's worker (`worker_extension_cls`); its method is called by name, in the worker's process."""

    model_runner: Any

    def reload_policy(self, folder: str) -> None:
        """Loads the weights in `folder` into the running model.

        On the CPU vLLM computes with a packed copy of each weight. Its reload packs every layer that a checkpoint has
        weights for, which a head tied to the embedding is not: it would go on with the copy of the former policy.
        """
        from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
        from vllm.platforms import current_platform

        self.model_runner.reload_weights(weights_path=folder)
        if not current_platform.is_cpu():
            return
        for layer in self.model_runner.get_model().modules():
            if isinstance(layer, ParallelLMHead):
                layer.quant_method.process_weights_after_loading(layer)
