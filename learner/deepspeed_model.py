"""A Hugging Face model inside a DeepSpeed engine, on one rank.

Everything here is collective: with several ranks, all of them make the same calls in the same order.
"""

import gc
import inspect
import os
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from learner.batching import MicroBatch
from learner.checkpoints.shards import ShardFiles, storage_for
from learner.loss import predicting_columns, token_loss_sum
from learner.progress import ProgressReport
from learner.settings import LearnerSettings

_STATE_TAG = "state"
NO_TIMEOUT = timedelta(days=20)
"""Of collective operations: ranks may wait for each other for as long as one of them makes progress."""


class DeepSpeedModel:
    """Model, tokenizer and optimizer of the policy under training."""

    def __init__(self, settings: LearnerSettings, device: torch.device, folder: Path, report: ProgressReport) -> None:
        """Load the policy in `folder`, on a rank that has joined the process group."""
        report.begin("imports DeepSpeed")
        deepspeed = _import_deepspeed()
        from transformers import AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        self._settings = settings
        self._device = device
        config = _deepspeed_config(settings)
        self._zero3_marker: Any = None
        if settings.deepspeed_stage == 3:
            from transformers.integrations import HfDeepSpeedConfig

            # While this object exists, transformers builds models already partitioned over the ranks.
            self._zero3_marker = HfDeepSpeedConfig(config)
        report.begin(f"loads the weights in {folder}", moves_data=True)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)
        self.hf_model: Any = self._load(folder, torch.bfloat16 if settings.in_bf16 else torch.float32)
        self._takes_logits_to_keep = "logits_to_keep" in inspect.signature(self.hf_model.forward).parameters
        if settings.gradient_checkpointing:
            self.hf_model.gradient_checkpointing_enable({"use_reentrant": False})
        report.begin("gives the weights to DeepSpeed", moves_data=True)
        network = self._network()
        self._trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        self._adam: Any = torch.optim.AdamW(
            self._trained,
            lr=1e-3,  # set before every step
            betas=settings.adam_betas,
            weight_decay=settings.weight_decay,
            fused=True,
        )
        self._engine: Any
        self._engine, *_ = deepspeed.initialize(model=network, optimizer=self._adam, config=config)
        # DeepSpeed would put conversion scripts beside the shards, and leave the other ranks waiting if that failed.
        self._engine._copy_recovery_script = lambda path: None

    def _load(self, folder: Path, dtype: torch.dtype) -> Any:
        """The Hugging Face model in `folder`, which is what is published."""
        from transformers import AutoModelForCausalLM

        return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)

    def _network(self) -> torch.nn.Module:
        """The module that DeepSpeed trains, around the Hugging Face model if it is not that itself."""
        model: torch.nn.Module = self.hf_model
        return model

    def destroy(self) -> None:
        """Free model and optimizer. The process group stays: DeepSpeed keeps handles to it for the whole process."""
        self._engine.destroy()
        self._engine = self.hf_model = self._adam = self._zero3_marker = None
        self._trained = []
        gc.collect()

    # ---------------------------------------------------------------- training

    def train_mode(self) -> None:
        """Switch to training."""
        self._engine.train()

    def set_learning_rate(self, rate: float) -> None:
        """Set the rate of the next step."""
        for group in self._engine.optimizer.param_groups:
            group["lr"] = rate

    def reset_optimizer(self) -> None:
        """Clear Adam's moments."""
        self._adam.state.clear()

    def loss_sum(self, batch: MicroBatch) -> torch.Tensor:
        """The summed cross-entropy (scalar, nats) of the labelled tokens of `batch`."""
        columns = predicting_columns(batch.labels)
        with self._activations():
            logits = self._engine(
                input_ids=batch.input_ids.to(self._device, non_blocking=True),
                attention_mask=batch.attention_mask.to(self._device, non_blocking=True),
                use_cache=False,
                **({"logits_to_keep": columns.to(self._device)} if self._takes_logits_to_keep else {}),
            ).logits
            if not self._takes_logits_to_keep:
                logits = logits[:, columns]
            return token_loss_sum(logits, batch.labels.to(self._device), columns.to(self._device))

    def backward(self, loss: torch.Tensor, *, last: bool) -> None:
        """Accumulate the gradients of `loss`; `last` marks the last micro batch of the step."""
        self._engine.set_gradient_accumulation_boundary(last)
        self._engine.backward(loss)

    def step(self) -> tuple[bool, float]:
        """Step the optimizer unless the gradient norm is not finite; returns (stepped, norm over all ranks)."""
        if self._settings.deepspeed_stage > 0:
            self._engine.step()
            return self._engine.was_step_applied(), float(self._engine.get_global_grad_norm())
        # Stage 0 in float32 would step on any gradient, so clip and check here. backward() has averaged over ranks.
        norm = torch.nn.utils.clip_grad_norm_(self._trained, self._settings.gradient_clip)
        if not torch.isfinite(norm):
            self._engine.zero_grad()
            return False, float(norm)
        self._engine.step()
        return True, float(norm)

    def _activations(self) -> AbstractContextManager[Any]:
        if not self._settings.activation_offload:
            return nullcontext()
        return torch.autograd.graph.save_on_cpu(pin_memory=self._device.type == "cuda")

    # ---------------------------------------------------------------- weights and state

    @property
    def pad_id(self) -> int:
        """The token that sequences are padded with."""
        for token_id in (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id):
            if token_id is not None:
                return int(token_id)
        return 0

    def gather_weights(self, on_weight: Callable[[], None]) -> dict[str, torch.Tensor] | None:
        """All weights on rank 0's host, None on the other ranks. Under ZeRO-3 they are gathered one at a time."""
        is_rank_zero = dist.get_rank() == 0
        if self._settings.deepspeed_stage < 3:
            return self.hf_model.state_dict() if is_rank_zero else None
        import deepspeed

        weights: dict[str, torch.Tensor] = {}
        for name, parameter in self.hf_model.named_parameters():
            with deepspeed.zero.GatheredParameters([parameter]):
                if is_rank_zero:
                    weights[name] = parameter.detach().cpu().clone()
            on_weight()
        return weights if is_rank_zero else None

    def save(self, folder: Path, weights: Mapping[str, torch.Tensor]) -> None:
        """Save gathered weights in the layout of Hugging Face. Raises OSError."""
        self.hf_model.save_pretrained(folder, state_dict=weights)

    def save_shards(self, folder: Path, files: ShardFiles) -> None:
        """Save weights and optimizer as DeepSpeed's checkpoint in `folder`, which all ranks must see."""
        self._engine.checkpoint_engine = storage_for(files)
        self._engine.save_checkpoint(str(folder), tag=_STATE_TAG, save_latest=False)

    def load_shards(self, folder: Path, files: ShardFiles) -> None:
        """Load what `save_shards` saved with the same number of ranks and ZeRO stage."""
        self._engine.checkpoint_engine = storage_for(files)
        path, _ = self._engine.load_checkpoint(str(folder), tag=_STATE_TAG)
        assert path is not None, f"DeepSpeed did not find its own checkpoint in {folder}"

    def fits_shards(self, folder: Path) -> bool:
        """Whether `folder` has as many optimizer shards as this number of ranks and ZeRO stage save."""
        shards = len(list((folder / _STATE_TAG).glob("*_optim_states.pt")))
        return shards == (dist.get_world_size() if self._settings.deepspeed_stage > 0 else 0)


def select_device(settings: LearnerSettings) -> torch.device:
    """The device of this rank; also sets the environment variable by which DeepSpeed selects its accelerator."""
    if settings.gpus_per_rank > 0:
        assert torch.cuda.is_available(), "a rank with gpus_per_rank > 0 sees no GPU"
        device = torch.device("cuda", 0)
    else:
        device = torch.device("cpu")
    os.environ["DS_ACCELERATOR"] = device.type
    return device


def join_process_group(settings: LearnerSettings, device: torch.device) -> None:
    """Join the initialized process group, or create one of a single rank."""
    if not dist.is_initialized():
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=dist.HashStore(),
            rank=0,
            world_size=1,
            timeout=NO_TIMEOUT,
        )
    # DeepSpeed reads its rank from the environment. Every rank sees only its own GPU, so the local rank is always 0.
    os.environ.update(RANK=str(dist.get_rank()), WORLD_SIZE=str(dist.get_world_size()), LOCAL_RANK="0")


def _import_deepspeed() -> Any:
    import deepspeed
    import deepspeed.ops

    # DeepSpeed would compile a shared-memory all-reduce (minutes, with a C++ compiler) that is for tensor-parallel
    # inference on CPUs only. Probing for it starts compilers too, so the result of the probe is set here.
    deepspeed.ops.__dict__.setdefault("__compatible_ops__", {})
    warnings.filterwarnings("ignore", message=r".*torch\.distributed\.\w+. is deprecated", category=FutureWarning)
    return deepspeed


def _deepspeed_config(settings: LearnerSettings) -> dict[str, Any]:
    return {
        # `learner.batching` forms the batches, and the engine marks every accumulation boundary itself.
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": settings.gradient_clip if settings.deepspeed_stage > 0 else 0.0,
        "bf16": {"enabled": settings.in_bf16},
        "zero_optimization": {"stage": settings.deepspeed_stage},
        "zero_allow_untested_optimizer": True,
        "steps_per_print": 1 << 60,
    }
