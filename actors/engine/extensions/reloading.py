"""Extension of vLLM's worker: loads new weights into every layer, tied ones included, and omits what nobody reads."""

from typing import Any


class WeightReloading:
    """Mixed into vLLM's worker (`worker_extension_cls`); the engine calls its methods by name in the worker process."""

    model_runner: Any

    def reload_policy(self, folder: str) -> None:
        """Load the weights in `folder` into the running model. After an error, another policy can be loaded.

        On a CPU, vLLM computes with a packed copy of each weight, and its reload packs the layers that the checkpoint
        has weights for. A head tied to the embedding has none, so without the extra step it would keep the packed
        weights of the previous policy.
        """
        from vllm.model_executor.layers.vocab_parallel_embedding import ParallelLMHead
        from vllm.platforms import current_platform

        model = self.model_runner.get_model()
        try:
            self.model_runner.reload_weights(weights_path=folder)
        except Exception:
            _forget_reload(model)
            raise
        if not current_platform.is_cpu():
            return
        for layer in model.modules():
            if isinstance(layer, ParallelLMHead):
                layer.quant_method.process_weights_after_loading(layer)

    def omit_ranks(self) -> None:
        """Do not rank sampled tokens among all others, which vLLM does wherever it returns log-probabilities.

        Nothing reads the ranks, and their code is compiled at the first request: for half a minute on a slow processor.
        """
        from vllm.v1.sample import sampler

        sampler.batched_count_greater_than = lambda _, chosen: chosen.new_zeros(len(chosen), dtype=int)


def _forget_reload(model: Any) -> None:
    """Undo what vLLM prepared in each layer whose weights had not all arrived when a reload failed.

    vLLM keeps the weights that had arrived, and would count them for the next policy: such a layer would be made of
    both. Layers that were complete have the new weights, until the next policy is loaded.
    """
    from vllm.model_executor.model_loader.reload.layerwise import _place_kernel_tensors, get_layerwise_info

    for layer in model.modules():
        info = get_layerwise_info(layer)
        if info.kernel_tensors is not None:
            _place_kernel_tensors(layer, info)
            info.reset()
