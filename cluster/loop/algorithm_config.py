"""RLlib's configuration of the Algorithm and its actors, made from a run's configuration."""

from pathlib import Path
from typing import Any, Self

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec

from actors.sampling.sampler import Sampler
from cluster.config.hosts.host import Cluster
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.loop.placement.names import ActorNames
from cluster.loop.placement.places import RunPlaces
from learner.group import GangLearnerGroup
from learner.ranks.places import RankPlaces
from learner.settings import LearnerJob
from store.records import Purpose
from store.store import Store


class SelfTrainingConfig(AlgorithmConfig):
    """The AlgorithmConfig of a run. Actors read their settings from its attributes."""

    cluster: Cluster | None = None  # of the class: checkpoints of earlier versions hold configurations without these
    sampler_nodes: tuple[str | None, ...] | None = None
    rank_places: RankPlaces | None = None

    def __init__(
        self,
        run: RunConfig | None = None,
        folder: str = "",
        algo_class: type | None = None,
        cluster: Cluster | None = None,
    ) -> None:
        """`cluster`: the hosts of the cluster that the run joins, if they were measured."""
        self.run_config = run
        self.run_folder = folder
        self.cluster = cluster
        super().__init__(algo_class=algo_class)
        if run is None:
            return
        self.store_url = RunFolder(Path(folder)).store_url(run)
        self.sampler_settings = run.sampler
        self.storage_settings = run.storage
        self.sandbox_settings = run.sandbox
        self.checker_settings = run.answer_checker
        self.sample_purpose: Purpose | None = None
        self.sample_policy: int | None = None
        self.env_runners(
            env_runner_cls=Sampler,
            num_env_runners=run.sampler.num_samplers,
            num_cpus_per_env_runner=run.sampler.reserved_cpus,
            num_gpus_per_env_runner=run.sampler.gpus_per_sampler,
            create_local_env_runner=False,
            validate_env_runners_after_construction=False,
        )
        self.environment(env=None)
        self.learners(  # what Tune reserves; outside it `GangLearnerGroup` asks for the same
            num_learners=run.learner.num_ranks,
            num_cpus_per_learner=run.learner.cpus_per_rank,
            num_gpus_per_learner=run.learner.gpus_per_rank,
        )
        self.fault_tolerance(
            restart_failed_env_runners=True,
            max_num_env_runner_restarts=run.ray.max_sampler_restarts,
            env_runner_health_probe_timeout_s=run.ray.samplers_lost_s,
        )
        self.debugging(log_level="ERROR")
        self.merge_env_runner_states = False
        self.broadcast_env_runner_states = False

    @property
    def learner_job(self) -> LearnerJob:
        """The learner's settings and the latest published policy, which its ranks start from."""
        assert self.run_config is not None
        with Store.open(self.store_url, create=False) as store:
            policy = store.policies.require_latest()
        return LearnerJob(
            settings=self.run_config.learner,
            store_url=self.store_url,
            policy=policy.pointer,
            storage=self.run_config.storage,
        )

    def get_multi_rl_module_spec(self, **_: Any) -> MultiRLModuleSpec:
        """Empty: the policy is a Hugging Face model, which the engines load themselves."""
        return MultiRLModuleSpec(rl_module_specs={})

    def build_learner_group(self, *, rl_module_spec: Any = None, **_: Any) -> Any:
        """The gang of DeepSpeed ranks. Returns before they have started."""
        return GangLearnerGroup(
            config=self.copy(),
            module_spec=rl_module_spec,
            places=self.rank_places,
            names=ActorNames(Path(self.run_folder).name).options,
        )

    def placed(self, places: RunPlaces) -> Self:
        """The configuration of a run whose actors have these places."""
        placed = self.copy(copy_frozen=False)
        placed.rank_places, placed.sampler_nodes = places.ranks, places.sampler_nodes
        placed.freeze()
        return placed
