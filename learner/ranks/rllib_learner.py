"""One rank of the learner as an RLlib Learner: a thin shell over `learner.engine.TrainingEngine`."""

import logging
import os
import socket
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import ray
import torch.distributed as dist
from ray.rllib.core.learner.torch.torch_learner import TorchLearner

from learner.checkpoints.resumption import Resumption
from learner.deepspeed_model import NO_TIMEOUT
from learner.directive import Directive, TrainingInterrupted
from learner.engine import TrainingEngine
from learner.progress import ProgressReport, RankProgress
from learner.ranks.network import use_interface_of
from learner.ranks.predecessor import end_predecessors
from learner.ranks.telemetry import LearnerTelemetry
from learner.samples import read_samples
from learner.settings import LearnerJob
from learner.value.engine import ValueEngine
from learner.value.settings import ValueJob
from store.records import Policy

log = logging.getLogger(__name__)

MONITORING = "monitoring"
"""The concurrency group of the calls that are answered while a rank trains."""


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """The metrics of a training, or the interruption that ended it."""

    metrics: dict[str, float]
    interruption: TrainingInterrupted | None = None


class PolicyLearner(TorchLearner):
    """A rank: `open_rendezvous` (rank 0 only) and `build`, then the collective calls, each made on all ranks."""

    def __init__(self, *, config: Any, module_spec: Any = None, rank: int = 0, job: LearnerJob | None = None) -> None:
        """`job` defaults to `config.learner_job`."""
        if ended := end_predecessors():
            log.warning("ended process %s, which had this rank before", ", ".join(map(str, ended)))
        super().__init__(config=config, module_spec=module_spec)
        self._job: LearnerJob = job or config.learner_job
        self._rank = rank
        self._run = Path(getattr(config, "run_folder", "")).name
        self._store: dist.TCPStore | None = None
        self._engine: TrainingEngine | None = None
        self._report = ProgressReport()
        self._telemetry = LearnerTelemetry(self._run, rank)
        self._directive = Directive.RUN

    def __repr__(self) -> str:
        """What Ray's dashboard and logs call the actor."""
        return f"{self._run}/learner-rank-{self._rank} on {socket.gethostname()}"

    def open_rendezvous(self) -> tuple[str, int]:
        """On rank 0: open the TCP store through which the ranks find each other; returns its (host, port)."""
        host = ray.util.get_node_ip_address()
        self._store = dist.TCPStore(
            host,
            0,  # any free port; chosen and bound in one step, so that no other process can take it in between
            is_master=True,
            wait_for_workers=False,
            timeout=NO_TIMEOUT,
        )
        return host, self._store.port

    def build(self, address: tuple[str, int] | None = None) -> None:
        """Join the other ranks at `address` and load the policy into DeepSpeed; without an address, run alone."""
        settings = self._job.settings
        if address is not None:
            ranks_here = self._join(*address)
            if not settings.threads:
                settings = settings.model_copy(update={"threads": max(1, (os.cpu_count() or 1) // ranks_here)})
        policy = self._job.policy
        make = partial(ValueEngine, self._job.value) if isinstance(self._job, ValueJob) else TrainingEngine
        self._engine = make(settings, policy.path, self._report, self._job.storage, checksum=policy.checksum)
        self._device = self._engine.device
        self._is_built = True

    def _join(self, host: str, port: int) -> int:
        """Join the other ranks; returns how many of them, this one included, are on this host."""
        settings = self._job.settings
        self._report.begin("waits for the other ranks to start", waits=True)
        store = self._store or dist.TCPStore(host, port, timeout=NO_TIMEOUT)
        own = socket.gethostname()
        store.set(f"host-{self._rank}", own)
        hosts = [store.get(f"host-{rank}").decode() for rank in range(settings.num_ranks)]
        if len(set(hosts)) > 1:
            use_interface_of(ray.util.get_node_ip_address())
        dist.init_process_group(
            "nccl" if settings.gpus_per_rank else "gloo",
            store=store,
            rank=self._rank,
            world_size=settings.num_ranks,
            timeout=NO_TIMEOUT,
        )
        return hosts.count(own)

    @property
    def engine(self) -> TrainingEngine:
        """The engine, once built."""
        assert self._engine is not None, "build() comes first"
        return self._engine

    def update(
        self, *, training_set_id: int, phase: str, version: int, resumption: Resumption | None = None, **_: Any
    ) -> TrainingResult:
        """Train on a training set of the store. `version` seeds the order, so that every iteration has its own."""
        self._report.begin("reads the samples")
        rollouts = read_samples(self._job.store_url, training_set_id, self._report.count)
        settings = self._job.settings.phase(phase)
        try:
            metrics = self.engine.train(
                rollouts, settings, version, resumption, lambda: self._directive, self._telemetry.record
            )
        except TrainingInterrupted as interruption:
            return TrainingResult({}, interruption)
        return TrainingResult(metrics.as_dict())

    def compute_loss_for_module(self, **_: Any) -> Any:
        """Not used: the engine computes the loss on tokens, not on RLlib's modules."""
        raise NotImplementedError("the policy's loss is computed in learner.engine")

    def publish(self, location: str, record: Policy | None = None) -> str:
        """Publish the policy; returns its checksum."""
        return self.engine.save_policy(location, record)

    def load_policy(self, location: str, checksum: str | None = None) -> None:
        """Continue from another published policy."""
        self.engine.load_policy(location, checksum)

    def load_state(self, location: str) -> None:
        """Continue from a saved state."""
        self.engine.load_state(location)

    @ray.method(concurrency_group=MONITORING)
    def progress(self) -> RankProgress:
        """What this rank does and how far it is. Answered while it works."""
        return self._report.read()

    @ray.method(concurrency_group=MONITORING)
    def direct(self, directive: Directive) -> None:
        """Set the directive of the running training. Answered while it trains."""
        self._directive = directive

    @ray.method(concurrency_group=MONITORING)
    def begin_training(self, directive: Directive) -> None:
        """Set the first directive of the next training, and forget the steps and the warning of the last one."""
        self._directive = directive
        self._report.warn(None)
        self._report.take_step(None)
        self._report.set_step(0, 0)

    @ray.method(concurrency_group=MONITORING)
    def pid(self) -> int:
        """The process id of this rank. Answered while training."""
        return os.getpid()

    def shutdown(self) -> None:
        """Free model and optimizer."""
        if self._engine is not None:
            self._engine.close()
