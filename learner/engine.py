"""The policy under training: a Hugging Face model inside a DeepSpeed engine. Knows nothing of Ray.

Everything here is collective: with several ranks, all of them make the same calls in the same order.
"""

import gc
import inspect
import os
import time
import warnings
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from learner.batching import StepPlan, TokenSequence, TrainingData, collate, num_steps, plan_steps, training_data
from learner.learning_rate import learning_rate
from learner.loss import SkipCounter, poison_unless_finite, predicting_columns, token_loss_sum
from learner.policy_folder import check_policy_folder
from learner.publication import checksum, clear_when_disk_is_full, is_complete, publication
from learner.settings import LearnerSettings, PhaseSettings
from store.records import Rollout

_STATE_TAG = "state"


class StateMismatchError(ValueError):
    """A saved learner state that is missing, not whole, or of another number of ranks or ZeRO stage."""


@dataclass(frozen=True, slots=True)
class TrainingMetrics:
    """What a phase did. Losses are nats per token the policy wrote; `tokens` counts those, over all ranks."""

    loss: float
    first_loss: float
    final_loss: float
    grad_norm: float
    learning_rate: float
    steps: int
    skipped_steps: int
    sequences: int
    tokens: int
    all_tokens: int
    too_long: int
    without_loss: int
    seconds: float
    tokens_per_s: float

    def as_dict(self) -> dict[str, float]:
        """The figures by name, as they travel to the driver."""
        return asdict(self)


@dataclass(slots=True)
class _Tally:
    """Figures of a running phase: one entry a step, losses of this rank's share only."""

    loss_sums: list[torch.Tensor] = field(default_factory=list)
    loss_tokens: list[int] = field(default_factory=list)
    grad_norms: list[float] = field(default_factory=list)
    all_tokens: int = 0
    rate: float = 0.0


class TrainingEngine:
    """Trains, loads and saves one policy on this rank."""

    def __init__(self, settings: LearnerSettings, folder: Path) -> None:
        """Load the policy in `folder` and wrap it. Joins the running process group, or makes one of a single rank.

        Raises `PolicyFolderError` if `folder` holds no policy.
        """
        self.settings = settings
        self.device = _device(settings)
        os.environ["DS_ACCELERATOR"] = self.device.type
        _join_process_group(settings, self.device)
        self.rank, self.num_ranks = dist.get_rank(), dist.get_world_size()
        torch.set_num_threads(settings.threads or max(1, (os.cpu_count() or 1) // self.num_ranks))
        self.step_of: tuple[int, int] = (0, 0)
        self._engine: Any = None
        self._zero3_marker: Any = None
        self._build(folder)

    # ---------------------------------------------------------------- training

    def train(
        self,
        rollouts: Iterable[Rollout],
        phase: PhaseSettings,
        seed: int = 0,
        on_step: Callable[[int, int], None] | None = None,
    ) -> TrainingMetrics:
        """Train on `rollouts`, which must be the same in the same order on every rank.

        `seed` decides the order of the samples together with the settings' own; `on_step` hears of (done, in all).
        Raises `NoTrainingSamplesError` and `TrainingDivergedError`.
        """
        data = training_data(rollouts, self.settings.max_sequence_tokens)
        if phase.optimizer_state == "fresh":
            self._forget_moments()
        started = time.monotonic()
        tally, skipped = _Tally(), SkipCounter(self.settings.max_skipped_in_a_row)
        total = num_steps(len(data.sequences), phase)
        torch.manual_seed(self.settings.seed + seed)
        self._engine.train()
        plans = plan_steps(data.sequences, phase, self.num_ranks, seed=self.settings.seed + seed)
        for step, plan in enumerate(plans):
            tally.rate = learning_rate(phase, step, total)
            taken = self._train_step(data.sequences, plan, tally)
            skipped.record(step, taken=taken)
            self.step_of = (step + 1, total)
            if on_step is not None:
                on_step(step + 1, total)
        return self._metrics(tally, data, skipped, seconds=time.monotonic() - started)

    def _train_step(self, sequences: tuple[TokenSequence, ...], plan: StepPlan, tally: _Tally) -> bool:
        """One optimizer step; False if it was skipped because a loss or the gradient norm was not finite."""
        self._set_learning_rate(tally.rate)
        micro_batches = plan.ranks[self.rank]
        total = torch.zeros((), device=self.device)
        for number, indexes in enumerate(micro_batches):
            last = number == len(micro_batches) - 1
            self._engine.set_gradient_accumulation_boundary(last)
            loss = self._loss_sum(sequences, indexes)
            total = total + loss.detach()
            # DeepSpeed averages over ranks: times their number it is the mean over all tokens of the step.
            mean = loss * (self.num_ranks / plan.loss_tokens)
            self._engine.backward(poison_unless_finite(mean, total) if last else mean)
        taken, norm = self._apply_gradients()
        if taken:
            tally.loss_sums.append(total)
            tally.loss_tokens.append(plan.loss_tokens)
            tally.grad_norms.append(norm)
            tally.all_tokens += plan.tokens
        return taken

    def _loss_sum(self, sequences: tuple[TokenSequence, ...], indexes: tuple[int, ...]) -> torch.Tensor:
        batch = collate(sequences, indexes, self._pad_id)
        columns = predicting_columns(batch.labels)
        with self._activations():
            logits = self._engine(
                input_ids=batch.input_ids.to(self.device, non_blocking=True),
                attention_mask=batch.attention_mask.to(self.device, non_blocking=True),
                use_cache=False,
                **({"logits_to_keep": columns.to(self.device)} if self._keeps_logits else {}),
            ).logits
            if not self._keeps_logits:
                logits = logits[:, columns]
            return token_loss_sum(logits, batch.labels.to(self.device), columns.to(self.device))

    def _activations(self) -> AbstractContextManager[Any]:
        if not self.settings.activation_offload:
            return nullcontext()
        return torch.autograd.graph.save_on_cpu(pin_memory=self.device.type == "cuda")

    def _apply_gradients(self) -> tuple[bool, float]:
        """Step the optimizer unless the gradient norm (over all ranks) is not finite; returns (stepped, norm)."""
        if self.settings.deepspeed_stage > 0:
            self._engine.step()
            return self._engine.was_step_applied(), float(self._engine.get_global_grad_norm())
        # Stage 0 in float32 would step on whatever comes, so clip and check here. backward() has averaged over ranks.
        norm = torch.nn.utils.clip_grad_norm_(self._model.parameters(), self.settings.gradient_clip)
        if not torch.isfinite(norm):
            self._engine.zero_grad()
            return False, float(norm)
        self._engine.step()
        return True, float(norm)

    def _set_learning_rate(self, rate: float) -> None:
        for group in self._engine.optimizer.param_groups:
            group["lr"] = rate

    def _forget_moments(self) -> None:
        self._adam.state.clear()

    def _metrics(self, tally: _Tally, data: TrainingData, skipped: SkipCounter, seconds: float) -> TrainingMetrics:
        sums = torch.stack(tally.loss_sums) if tally.loss_sums else torch.zeros(1, device=self.device)
        if self.num_ranks > 1:
            dist.all_reduce(sums)
        tokens = sum(tally.loss_tokens)
        losses = [loss / count for loss, count in zip(sums.tolist(), tally.loss_tokens, strict=False)]
        tail = losses[-max(1, len(losses) // 10) :]
        return TrainingMetrics(
            loss=float(sums.sum()) / max(1, tokens),
            first_loss=losses[0] if losses else float("nan"),
            final_loss=sum(tail) / len(tail) if tail else float("nan"),
            grad_norm=sum(tally.grad_norms) / max(1, len(tally.grad_norms)),
            learning_rate=tally.rate,
            steps=len(losses),
            skipped_steps=skipped.total,
            sequences=len(data.sequences),
            tokens=tokens,
            all_tokens=tally.all_tokens,
            too_long=data.too_long,
            without_loss=data.without_loss,
            seconds=seconds,
            tokens_per_s=tokens / seconds,
        )

    # ---------------------------------------------------------------- policies

    def load_policy(self, folder: Path) -> None:
        """Go on from the policy in `folder`, with empty Adam moments. Raises `PolicyFolderError`."""
        check_policy_folder(folder)
        self._tear_down()
        self._build(folder)

    def save_policy(self, folder: Path) -> str:
        """Publish the policy as a Hugging Face folder, tokenizer included; returns its checksum on every rank.

        Raises `learner.publication.AlreadyPublishedError` and `DiskFullError` on rank 0, `RankZeroFailedError` on the
        others; after either, all ranks can go on.
        """
        weights = self._gathered_weights()

        def write() -> str:
            with publication(folder) as temporary:
                self._model.save_pretrained(temporary, state_dict=weights)
                self._tokenizer.save_pretrained(temporary)
            return checksum(folder)

        return self._on_rank_zero(write)

    def _gathered_weights(self) -> dict[str, torch.Tensor] | None:
        """All weights on rank 0's host (None elsewhere), under ZeRO-3 gathered one by one."""
        if self.settings.deepspeed_stage < 3:
            return self._model.state_dict() if self.rank == 0 else None
        import deepspeed

        weights: dict[str, torch.Tensor] = {}
        for name, parameter in self._model.named_parameters():
            with deepspeed.zero.GatheredParameters([parameter]):
                if self.rank == 0:
                    weights[name] = parameter.detach().cpu().clone()
        return weights if self.rank == 0 else None

    # ---------------------------------------------------------------- resumable state

    def save_state(self, folder: Path) -> None:
        """Save weights and optimizer so that `load_state` goes on exactly here. All ranks must see the same folder.

        Raises `learner.publication.DiskFullError`, of which other ranks learn only by the end of this one.
        """
        temporary = folder.parent / f".tmp-shards-{folder.name}"
        with clear_when_disk_is_full(temporary):
            self._engine.save_checkpoint(str(temporary), tag=_STATE_TAG, client_state=self._layout())
        dist.barrier()

        def publish() -> str:
            with publication(folder) as target:
                temporary.rename(target / "deepspeed")
                self._tokenizer.save_pretrained(target)
                self._model.config.save_pretrained(target)
            return checksum(folder)

        self._on_rank_zero(publish)

    def load_state(self, folder: Path) -> None:
        """Go on from a saved state. Raises `StateMismatchError` if it is not whole or was saved by another layout."""
        if not is_complete(folder):
            raise StateMismatchError(f"{folder} holds no complete learner state")
        shards = len(list((folder / "deepspeed" / _STATE_TAG).glob("*_optim_states.pt")))
        expected = self.num_ranks if self.settings.deepspeed_stage > 0 else 0
        if shards != expected:
            raise StateMismatchError(
                f"{folder} was saved with another number of ranks or ZeRO stage than the settings' "
                f"num_ranks = {self.num_ranks}, zero_stage = {self.settings.zero_stage}; "
                "load the published policy instead (the optimizer then starts afresh)"
            )
        path, _ = self._engine.load_checkpoint(str(folder / "deepspeed"), tag=_STATE_TAG)
        assert path is not None, f"DeepSpeed did not find its own checkpoint in {folder}"

    def _layout(self) -> dict[str, int]:
        return {"num_ranks": self.num_ranks, "zero_stage": self.settings.zero_stage}

    # ---------------------------------------------------------------- building

    def close(self) -> None:
        """Give up model and optimizer. The process group stays: DeepSpeed keeps handles to it as long as it lives."""
        self._tear_down()

    def _build(self, folder: Path) -> None:
        check_policy_folder(folder)
        deepspeed = _import_deepspeed()
        from transformers import AutoModelForCausalLM, AutoTokenizer
        from transformers.utils import logging

        logging.disable_progress_bar()
        config = self._deepspeed_config()
        if self.settings.deepspeed_stage == 3:
            from transformers.integrations import HfDeepSpeedConfig

            # While this object lives, transformers builds models already partitioned over the ranks.
            self._zero3_marker = HfDeepSpeedConfig(config)
        dtype = torch.bfloat16 if self.settings.in_bf16 else torch.float32
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)
        self._keeps_logits = "logits_to_keep" in inspect.signature(self._model.forward).parameters
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._pad_id = _pad_id(self._tokenizer)
        if self.settings.gradient_checkpointing:
            self._model.gradient_checkpointing_enable({"use_reentrant": False})
        self._adam = torch.optim.AdamW(
            self._model.parameters(),
            lr=1e-3,  # set anew before every step
            betas=self.settings.adam_betas,
            weight_decay=self.settings.weight_decay,
            fused=True,
        )
        self._engine, *_ = deepspeed.initialize(model=self._model, optimizer=self._adam, config=config)

    def _deepspeed_config(self) -> dict[str, Any]:
        return {
            # Batches are cut in `learner.batching`; DeepSpeed is told of every accumulation boundary.
            "train_micro_batch_size_per_gpu": 1,
            "gradient_accumulation_steps": 1,
            "gradient_clipping": self.settings.gradient_clip if self.settings.deepspeed_stage > 0 else 0.0,
            "bf16": {"enabled": self.settings.in_bf16},
            "zero_optimization": {"stage": self.settings.deepspeed_stage},
            "zero_allow_untested_optimizer": True,
            "steps_per_print": 1 << 60,
        }

    def _tear_down(self) -> None:
        if self._engine is not None:
            self._engine.destroy()
        self._engine = self._model = self._adam = self._zero3_marker = None
        gc.collect()

    def _on_rank_zero(self, write: Callable[[], str]) -> str:
        """Run `write` on rank 0 and tell the others how it went, so that a failure leaves none of them waiting."""
        answer: list[str | None] = [None]
        try:
            if self.rank == 0:
                answer[0] = write()
        finally:
            if self.num_ranks > 1:
                dist.broadcast_object_list(answer, src=0, device=self.device)
        if answer[0] is None:
            raise RankZeroFailedError("rank 0 could not write; its own error says why")
        return answer[0]


class RankZeroFailedError(RuntimeError):
    """The rank that writes for all has failed, and says why itself."""


def _device(settings: LearnerSettings) -> torch.device:
    if settings.gpus_per_rank == 0:
        return torch.device("cpu")
    assert torch.cuda.is_available(), "a rank that was promised a GPU sees none"
    return torch.device("cuda", 0)


def _join_process_group(settings: LearnerSettings, device: torch.device) -> None:
    if not dist.is_initialized():
        dist.init_process_group(
            "nccl" if device.type == "cuda" else "gloo",
            store=dist.HashStore(),
            rank=0,
            world_size=1,
            timeout=timedelta(seconds=settings.update_timeout_s),
        )
    # DeepSpeed reads its place from the environment. Every rank sees its own GPU alone, so it is the local first.
    os.environ.update(RANK=str(dist.get_rank()), WORLD_SIZE=str(dist.get_world_size()), LOCAL_RANK="0")


def _import_deepspeed() -> Any:
    import deepspeed
    import deepspeed.ops

    # DeepSpeed would compile a shared-memory all-reduce (minutes, with a C++ compiler) that serves tensor-parallel
    # inference on CPUs alone. Probing for it would start compilers too, so it is answered here.
    deepspeed.ops.__dict__.setdefault("__compatible_ops__", {})
    warnings.filterwarnings("ignore", message=r".*torch\.distributed\.\w+. is deprecated", category=FutureWarning)
    return deepspeed


def _pad_id(tokenizer: Any) -> int:
    for token_id in (tokenizer.pad_token_id, tokenizer.eos_token_id):
        if token_id is not None:
            return int(token_id)
    return 0
