"""The training engine: trains, loads and saves one policy. Knows nothing of Ray.

Everything here is collective: with several ranks, all of them make the same calls in the same order.
"""

import errno
import os
import pickle
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import torch
import torch.distributed as dist

from learner.agreement import StepEnd
from learner.batching import (
    MicroBatch,
    StepPlan,
    TokenSequence,
    TrainingData,
    collate,
    num_steps,
    plan_steps,
    training_data,
)
from learner.checkpoints.folder import SHARDS, CheckpointUnreadableError
from learner.checkpoints.resumption import Resumption
from learner.checkpoints.shards import ShardFiles
from learner.checkpoints.state import TrainingState, load_state, state_file
from learner.checkpoints.writer import CheckpointWriter
from learner.deepspeed_model import DeepSpeedModel, join_process_group, select_device
from learner.directive import Directive
from learner.learning_rate import learning_rate
from learner.loss import SkipCounter, poison_unless_finite
from learner.policy_folder import check_policy_folder
from learner.progress import ProgressReport, StepFigures
from learner.publication import checksum, is_complete, publication
from learner.publication.record import write_policy_record
from learner.publication.weights import weights_hashed
from learner.settings import LearnerSettings, PhaseSettings
from learner.training_metrics import TrainingMetrics
from store.artifacts.cache import Cache
from store.artifacts.errors import DamagedArtifactError
from store.artifacts.location import Location, is_url, name_of
from store.artifacts.manifest import FileEntry
from store.records import Policy, Rollout
from store.settings import StorageSettings

_DAMAGED, _NOT_READ = 1, 2


class StateMismatchError(ValueError):
    """A saved learner state that is missing, incomplete, or of another number of ranks or ZeRO stage."""


class RankZeroFailedError(RuntimeError):
    """Rank 0, which writes for all ranks, failed. The reason is in its own error."""


class TrainingEngine:
    """Trains, loads and saves one policy on this rank. `report` has its progress, `state` the last training's."""

    def __init__(
        self,
        settings: LearnerSettings,
        policy: Location,
        report: ProgressReport | None = None,
        storage: StorageSettings | None = None,
        checksum: str | None = None,
    ) -> None:
        """Load the policy at a location. Joins the initialized process group, or creates one of a single rank.

        `storage` says where copies of what is under URLs are; `checksum` is that of the policy's files, if it is known.

        Raises:
            PolicyFolderError: there is no policy.
            OSError: it cannot be fetched.
        """
        self.settings = settings
        self._storage = storage or StorageSettings()
        self._cache = Cache(self._storage)
        self.device = select_device(settings)
        self.report = report or ProgressReport()
        join_process_group(settings, self.device)
        self.rank, self.num_ranks = dist.get_rank(), dist.get_world_size()
        torch.set_num_threads(settings.threads or max(1, (os.cpu_count() or 1) // self.num_ranks))
        self.state = TrainingState(SkipCounter(settings.max_skipped_in_a_row), 0)
        self._loaded: DeepSpeedModel | None = None
        self.load_policy(policy, checksum)

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
        resumption: Resumption | None = None,
        directive: Callable[[], Directive] = lambda: Directive.RUN,
        on_step: Callable[[StepFigures], None] = lambda step: None,
    ) -> TrainingMetrics:
        """Train on `rollouts`, which must be the same in the same order on every rank.

        `seed`, together with the settings' seed, decides the order of the samples. `directive` is read at the end of
        every step, and `on_step` called. Without a `resumption` no checkpoints are saved.

        Raises:
            NoTrainingSamplesError: none of the rollouts can be trained on.
            TrainingDivergedError: too many steps in a row were not finite.
            TrainingInterrupted: the directive was to stop.
            CheckpointUnreadableError: the checkpoint to begin from is damaged. Load another one or a policy.
            OSError: it could not be read now.
        """
        data = self._read(rollouts)
        total = num_steps(len(data.sequences), phase)
        self.state = self._begin(phase, total, seed, resumption)
        self.report.set_step(self.state.step, total)
        step_end = self._step_end(resumption, directive)
        self._model.train_mode()
        first, seed = self.state.step, self.settings.seed + seed
        for step, plan in enumerate(plan_steps(data.sequences, phase, self.num_ranks, seed, first), start=first):
            figures = self._timed_step(data, plan, learning_rate(phase, step, total))
            self.report.take_step(figures)
            on_step(figures)
            self.report.set_step(step + 1, total)
            step_end.reach(self.state)
        self._finish(step_end)
        return self.state.stats.metrics(
            data,
            self.state.skipped,
            learning_rate=learning_rate(phase, total - 1, total),
            seconds=self.state.seconds,
        )

    # The next three are what an engine that trains something else than a policy replaces.

    def _load(self, folder: Path) -> DeepSpeedModel:
        """The model to train, from the policy in `folder`."""
        return DeepSpeedModel(self.settings, self.device, folder, self.report)

    def _read(self, rollouts: Iterable[Rollout]) -> TrainingData:
        """The sequences to train on. Raises `NoTrainingSamplesError`."""
        return training_data(rollouts, self.settings.max_sequence_tokens)

    def _collate(self, sequences: Sequence[TokenSequence], indexes: Sequence[int]) -> MicroBatch:
        """The input of one forward pass."""
        return collate(sequences, indexes, self._model.pad_id)

    def _begin(self, phase: PhaseSettings, total: int, seed: int, resumption: Resumption | None) -> TrainingState:
        state = TrainingState(SkipCounter(self.settings.max_skipped_in_a_row), total)
        if resumption is not None and resumption.begin_from is not None:
            self._resume(state, resumption.begin_from)
            return state
        if phase.optimizer_state == "fresh":
            self._model.reset_optimizer()
        torch.manual_seed(self.settings.seed + seed)
        return state

    def _step_end(self, resumption: Resumption | None, directive: Callable[[], Directive]) -> StepEnd:
        writer, settings = None, self.settings
        if resumption is not None:
            writer = CheckpointWriter(
                resumption.folder,
                resumption.key,
                resumption.attempt,
                self._storage,
                every_s=settings.checkpoint_every_s,
                in_background=settings.checkpoint_in_background,
                report=self.report,
                last_step=-1 if resumption.begin_from is None else self.state.step,
            )
        return StepEnd(self.device, self.report, directive, writer, self._model.save_shards)

    def _timed_step(self, data: TrainingData, plan: StepPlan, rate: float) -> StepFigures:
        began, state = time.monotonic(), self.state
        taken = self._train_step(data.sequences, plan, rate)
        state.skipped.record(state.step, taken=taken)
        state.step += 1
        seconds = time.monotonic() - began
        state.seconds += seconds
        return state.stats.last_step(state.step, plan, taken=taken, learning_rate=rate, seconds=seconds)

    def _finish(self, step_end: StepEnd) -> None:
        """Save a training that is worth it, or whose optimizer the next one starts with. Collective."""
        step_end.settle()
        worth_it = torch.tensor(int(self.state.seconds >= self.settings.checkpoint_every_s), device=self.device)
        if self.num_ranks > 1:
            dist.broadcast(worth_it, src=0)
        if bool(worth_it) or self.settings.keeps_optimizer:
            step_end.save(self.state)

    def _train_step(self, sequences: tuple[TokenSequence, ...], plan: StepPlan, rate: float) -> bool:
        """One optimizer step; False if it was skipped because a loss or the gradient norm was not finite."""
        model = self._model
        model.set_learning_rate(rate)
        micro_batches = plan.ranks[self.rank]
        total = torch.zeros((), device=self.device)
        for number, indexes in enumerate(micro_batches):
            last = number == len(micro_batches) - 1
            loss = model.loss_sum(self._collate(sequences, indexes))
            self.report.count()
            total = total + loss.detach()
            # DeepSpeed averages over ranks; times their number, this is the mean over all tokens of the step.
            mean = loss * (self.num_ranks / plan.loss_tokens)
            model.backward(poison_unless_finite(mean, total) if last else mean, last=last)
            self.report.count()
        taken, norm = model.step()
        if taken:
            self.state.stats.add(plan, total, norm)
        return taken

    # ---------------------------------------------------------------- policies

    def load_policy(self, policy: Location, checksum: str | None = None) -> None:
        """Continue from the policy at a location with a fresh optimizer. Raises `PolicyFolderError`, `OSError`."""
        with self._local(policy, checksum) as folder:
            check_policy_folder(folder)
            self.close()
            self._loaded = self._load(folder)

    def save_policy(self, location: Location, record: Policy | None = None) -> str:
        """Publish the policy as a Hugging Face folder with its tokenizer; returns the checksum on every rank.

        `record` describes it in its folder. All ranks can continue after any of these errors.

        Raises:
            AlreadyPublishedError: on rank 0; it is published already.
            OSError: on rank 0; a file could not be written or uploaded.
            RankZeroFailedError: on the other ranks.
        """
        self.report.begin("gathers the weights", moves_data=True)
        weights = self._model.gather_weights(self.report.count)
        return self._on_rank_zero(partial(self._write_policy, location, weights, record))

    def _write_policy(self, location: Location, weights: dict[str, torch.Tensor] | None, record: Policy | None) -> str:
        assert weights is not None, "rank 0 has them"
        self.report.begin(f"publishes {name_of(location)}", moves_data=True)
        entries: dict[str, FileEntry] = {}
        with publication(location, entries, self.report.add_bytes, self._storage) as temporary:
            with weights_hashed(temporary, entries, self.report.add_bytes):
                self._model.save(temporary, weights)
            self._model.tokenizer.save_pretrained(temporary)
            if record is not None:
                write_policy_record(temporary, record)
        return checksum(location)

    def close(self) -> None:
        """Free model and optimizer. The process group stays."""
        if self._loaded is not None:
            self._loaded.destroy()
            self._loaded = None

    def _local(self, location: Location, checksum: str | None = None) -> AbstractContextManager[Path]:
        """The folder with what is at a location: this one, or a copy on this machine."""
        if is_url(location):
            self.report.begin(f"fetches {location}", moves_data=True)
        return self._cache.held(location, checksum, self.report.add_bytes)

    # ---------------------------------------------------------------- saved states

    def load_state(self, checkpoint: Location) -> None:
        """Continue from a checkpoint's weights and optimizer, to begin another training with them.

        Raises:
            StateMismatchError: it is incomplete, or was saved with another number of ranks or ZeRO stage.
        """
        if not is_complete(checkpoint):
            raise StateMismatchError(f"{checkpoint} holds no complete learner state")
        with self._local(checkpoint) as folder:
            if not self._model.fits_shards(folder / SHARDS):
                raise StateMismatchError(
                    f"{checkpoint} was saved with another number of ranks or ZeRO stage than the settings' "
                    f"num_ranks = {self.num_ranks}, zero_stage = {self.settings.zero_stage}; "
                    "load the published policy instead (with a fresh optimizer)"
                )
            self._load_shards(folder)

    def _load_shards(self, folder: Path) -> None:
        self.report.begin(f"loads the state in {folder}", moves_data=True)
        self._model.load_shards(folder / SHARDS, ShardFiles(copies=False, on_bytes=self.report.add_bytes))

    def _resume(self, state: TrainingState, checkpoint: Location) -> None:
        """Continue the training that `checkpoint` holds. All ranks fail if one does."""
        failure: Exception | None = None
        try:
            with self._local(checkpoint) as folder:
                saved = load_state(state_file(folder, self.rank))
                self._load_shards(folder)
            state.restore(saved, self.device)
        except (OSError, RuntimeError, EOFError, KeyError, ValueError, AssertionError, pickle.UnpicklingError) as error:
            failure = error
        severity = _DAMAGED if failure is not None else 0
        if isinstance(failure, OSError) and not isinstance(failure, FileNotFoundError | DamagedArtifactError):
            severity = _NOT_READ
        worst = torch.tensor(severity, device=self.device)
        if self.num_ranks > 1:
            dist.all_reduce(worst, op=dist.ReduceOp.MAX)
        reason = f"{checkpoint} cannot be read: {failure or 'another rank failed'}"
        if int(worst) == _NOT_READ:  # it may be whole, and reading may work when it is tried again
            raise OSError(errno.EIO, reason)
        if int(worst) == _DAMAGED:
            raise CheckpointUnreadableError(reason)

    def _on_rank_zero(self, write: Callable[[], str]) -> str:
        """Run `write` on rank 0 and broadcast its result, so that a failure leaves no rank waiting."""
        result: list[str | None] = [None]
        try:
            if self.rank == 0:
                result[0] = write()
            else:
                self.report.begin("waits for rank 0 to write", waits=True)
        finally:
            if self.num_ranks > 1:
                dist.broadcast_object_list(result, src=0, device=self.device)
        if result[0] is None:
            raise RankZeroFailedError("rank 0 could not write; its own error has the reason")
        return result[0]
