"""The training engine: trains, loads and saves one policy. Knows nothing of Ray.

Everything here is collective: with several ranks, all of them make the same calls in the same order.
"""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.distributed as dist

from learner.batching import StepPlan, TokenSequence, collate, num_steps, plan_steps, training_data
from learner.deepspeed_model import DeepSpeedModel, join_process_group, select_device
from learner.learning_rate import learning_rate
from learner.loss import SkipCounter, poison_unless_finite
from learner.policy_folder import check_policy_folder
from learner.publication import checksum, clear_on_failure, is_complete, publication
from learner.settings import LearnerSettings, PhaseSettings
from learner.training_metrics import StepStats, TrainingMetrics
from store.records import Rollout

_SHARDS = "deepspeed"


class StateMismatchError(ValueError):
    """A saved learner state that is missing, incomplete, or of another number of ranks or ZeRO stage."""


class RankZeroFailedError(RuntimeError):
    """Rank 0, which writes for all ranks, failed. The reason is in its own error."""


class TrainingEngine:
    """Trains, loads and saves one policy on this rank. `progress` is (steps done, total) of the last phase."""

    def __init__(self, settings: LearnerSettings, folder: Path) -> None:
        """Load the policy in `folder`. Joins the initialized process group, or creates one of a single rank.

        Raises:
            PolicyFolderError: `folder` holds no policy.
        """
        self.settings = settings
        self.device = select_device(settings)
        join_process_group(settings, self.device)
        self.rank, self.num_ranks = dist.get_rank(), dist.get_world_size()
        torch.set_num_threads(settings.threads or max(1, (os.cpu_count() or 1) // self.num_ranks))
        self.progress: tuple[int, int] = (0, 0)
        self._loaded: DeepSpeedModel | None = None
        self._load(folder)

    @property
    def _model(self) -> DeepSpeedModel:
        assert self._loaded is not None, "the engine was closed"
        return self._loaded

    # ---------------------------------------------------------------- training

    def train(
        self,
        rollouts: Iterable[Rollout],
        phase: PhaseSettings,
        seed: int = 0,
        on_step: Callable[[int, int], None] | None = None,
    ) -> TrainingMetrics:
        """Train on `rollouts`, which must be the same in the same order on every rank.

        `seed`, together with the settings' seed, decides the order of the samples. `on_step` is called with
        (steps done, total steps) after every step.

        Raises:
            NoTrainingSamplesError: none of the rollouts can be trained on.
            TrainingDivergedError: too many steps in a row were not finite.
        """
        data = training_data(rollouts, self.settings.max_sequence_tokens)
        if phase.optimizer_state == "fresh":
            self._model.reset_optimizer()
        started = time.monotonic()
        stats, skipped = StepStats(), SkipCounter(self.settings.max_skipped_in_a_row)
        total, rate = num_steps(len(data.sequences), phase), 0.0
        torch.manual_seed(self.settings.seed + seed)
        self._model.train_mode()
        plans = plan_steps(data.sequences, phase, self.num_ranks, seed=self.settings.seed + seed)
        for step, plan in enumerate(plans):
            rate = learning_rate(phase, step, total)
            taken = self._train_step(data.sequences, plan, rate, stats)
            skipped.record(step, taken=taken)
            self.progress = (step + 1, total)
            if on_step is not None:
                on_step(step + 1, total)
        return stats.metrics(data, skipped, learning_rate=rate, seconds=time.monotonic() - started)

    def _train_step(self, sequences: tuple[TokenSequence, ...], plan: StepPlan, rate: float, stats: StepStats) -> bool:
        """One optimizer step; False if it was skipped because a loss or the gradient norm was not finite."""
        model = self._model
        model.set_learning_rate(rate)
        micro_batches = plan.ranks[self.rank]
        total = torch.zeros((), device=self.device)
        for number, indexes in enumerate(micro_batches):
            last = number == len(micro_batches) - 1
            loss = model.loss_sum(collate(sequences, indexes, model.pad_id))
            total = total + loss.detach()
            # DeepSpeed averages over ranks; times their number, this is the mean over all tokens of the step.
            mean = loss * (self.num_ranks / plan.loss_tokens)
            model.backward(poison_unless_finite(mean, total) if last else mean, last=last)
        taken, norm = model.step()
        if taken:
            stats.add(plan, total, norm)
        return taken

    # ---------------------------------------------------------------- policies

    def load_policy(self, folder: Path) -> None:
        """Continue from the policy in `folder` with a fresh optimizer. Raises `PolicyFolderError`."""
        check_policy_folder(folder)
        self.close()
        self._load(folder)

    def save_policy(self, folder: Path) -> str:
        """Publish the policy as a Hugging Face folder with its tokenizer; returns the checksum on every rank.

        All ranks can continue after any of these errors.

        Raises:
            AlreadyPublishedError: on rank 0; `folder` is published already.
            DiskFullError: on rank 0.
            RankZeroFailedError: on the other ranks.
        """
        weights = self._model.gather_weights()

        def write() -> str:
            with publication(folder) as temporary:
                self._model.hf_model.save_pretrained(temporary, state_dict=weights)
                self._model.tokenizer.save_pretrained(temporary)
            return checksum(folder)

        return self._on_rank_zero(write)

    def close(self) -> None:
        """Free model and optimizer. The process group stays."""
        if self._loaded is not None:
            self._loaded.destroy()
            self._loaded = None

    def _load(self, folder: Path) -> None:
        check_policy_folder(folder)
        self._loaded = DeepSpeedModel(self.settings, self.device, folder)

    # ---------------------------------------------------------------- resumable state

    def save_state(self, folder: Path) -> None:
        """Save weights and optimizer, so that `load_state` continues exactly here. All ranks must see `folder`.

        Raises:
            DiskFullError: on the rank that found the disk full. The others notice only when that rank ends.
        """
        temporary = folder.parent / f".tmp-shards-{folder.name}"
        with clear_on_failure(temporary):
            self._model.save_shards(temporary)
        dist.barrier()

        def publish() -> str:
            with publication(folder) as target:
                temporary.rename(target / _SHARDS)
                self._model.tokenizer.save_pretrained(target)
                self._model.hf_model.config.save_pretrained(target)
            return checksum(folder)

        self._on_rank_zero(publish)

    def load_state(self, folder: Path) -> None:
        """Continue from a saved state.

        Raises:
            StateMismatchError: it is incomplete, or was saved with another number of ranks or ZeRO stage.
        """
        if not is_complete(folder):
            raise StateMismatchError(f"{folder} holds no complete learner state")
        if not self._model.fits_shards(folder / _SHARDS):
            raise StateMismatchError(
                f"{folder} was saved with another number of ranks or ZeRO stage than the settings' "
                f"num_ranks = {self.num_ranks}, zero_stage = {self.settings.zero_stage}; "
                "load the published policy instead (with a fresh optimizer)"
            )
        self._model.load_shards(folder / _SHARDS)

    def _on_rank_zero(self, write: Callable[[], str]) -> str:
        """Run `write` on rank 0 and broadcast its result, so that a failure leaves no rank waiting."""
        result: list[str | None] = [None]
        try:
            if self.rank == 0:
                result[0] = write()
        finally:
            if self.num_ranks > 1:
                dist.broadcast_object_list(result, src=0, device=self.device)
        if result[0] is None:
            raise RankZeroFailedError("rank 0 could not write; its own error has the reason")
        return result[0]
