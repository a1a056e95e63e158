"""How the actors of the ranks are created: their resources, places and names in Ray."""

from collections.abc import Callable, Mapping
from typing import Any

import ray

from learner.ranks.places import AnyPlaces, RankPlaces
from learner.ranks.predecessor import rank_environment
from learner.ranks.rllib_learner import MONITORING, PolicyLearner
from learner.settings import OPENMP_ENVIRONMENT, LearnerJob

type NameOptions = Callable[[str], Mapping[str, str]]
"""Ray's options for the name of a new actor in a role such as `learner-rank-0`."""


class RankActors:
    """Creates the actor of each rank, at its place and under its name."""

    def __init__(self, config: Any, module_spec: Any, places: RankPlaces | None, names: NameOptions | None) -> None:
        """`config` and `module_spec` are RLlib's. Without `places` a rank goes wherever Ray has room."""
        self.places = places or AnyPlaces()
        self._names = names or (lambda role: {})
        self._config = config
        self._module_spec = module_spec

    def create(self, rank: int, job: LearnerJob) -> Any:
        """A new actor for the rank, which Ray does not start again: the ranks only ever act together."""
        run = getattr(self._config, "run_folder", "")  # of a learner without one, several may be there
        rank_class = ray.remote(concurrency_groups={MONITORING: 1})(PolicyLearner)
        return rank_class.options(
            **self._names(f"learner-rank-{rank}"),
            num_cpus=job.settings.cpus_per_rank,
            num_gpus=job.settings.gpus_per_rank,
            max_restarts=0,
            runtime_env={"env_vars": OPENMP_ENVIRONMENT | (rank_environment(run, rank) if run else {})},
            scheduling_strategy=self.places.strategy(rank),
        ).remote(config=self._config, module_spec=self._module_spec, rank=rank, job=job)
