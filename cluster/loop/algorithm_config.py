"""RLlib's configuration of the Algorithm and its actors, made from a run's configuration."""

from pathlib import Path
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.multi_rl_module import MultiRLModuleSpec

from actors.sampling.sampler import Sampler
from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from learner.group import GangLearnerGroup
from learner.settings import LearnerJob
from store.records import Purpose
from store.store import Store


class SelfTrainingConfig(AlgorithmConfig):
    """The AlgorithmConfig of a run. Actors read their settings from its attributes."""

    def __init__(self, run: RunConfig | None = None, folder: str = "", algo_class: type | None = None) -> None:
        self.run_config = run
        self.run_folder = folder
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
            num_cpus_per_env_runner=run.sampler.cpus_per_sampler,
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

    def build_learner_group(self, *, rl_module_spec: Any = None, placement_group: Any = None, **_: Any) -> Any:
        """The gang of DeepSpeed ranks. Returns before they have started."""
        return GangLearnerGroup(config=self.copy(), module_spec=rl_module_spec, placement_group=placement_group)
