"""The Ray Serve deployment: a thin shell around the HTTP application."""

import logging
from typing import Any

from ray import serve

from cluster.config.run_config import RunConfig
from cluster.config.run_folder import RunFolder
from cluster.serving.app import make_app
from cluster.serving.promoted import PromotedPolicy

_SHUTDOWN_TIMEOUT_S = 10.0
_HEALTH_TIMEOUT_S = 60.0  # the engine does not answer while it swaps a large policy


@serve.ingress()
class Automathes:
    """A replica: an engine with the promoted policy, a sandbox, and the API."""

    async def __init__(self, folder: RunFolder, config: RunConfig) -> None:  # type: ignore[misc]  # Serve awaits it
        self._policy = PromotedPolicy(folder, config)
        await self._policy.start()

    def __serve_build_asgi_app__(self) -> Any:
        return make_app(self._policy)

    async def check_health(self) -> None:
        """Raise if the replica is unhealthy; Serve then replaces it."""
        await self._policy.check_health()

    async def __del__(self) -> None:
        if hasattr(self, "_policy"):
            await self._policy.close()


def make_application(folder: RunFolder, config: RunConfig) -> Any:
    """The Serve application of a run."""
    sampler = config.sampler
    deployment = serve.deployment(
        Automathes,
        name="promoted-policy",
        num_replicas=1,
        ray_actor_options={"num_cpus": sampler.cpus_per_sampler, "num_gpus": sampler.gpus_per_sampler},
        max_ongoing_requests=sampler.engine.max_concurrent_rollouts,
        max_constructor_retry_count=1,
        health_check_timeout_s=_HEALTH_TIMEOUT_S,
        graceful_shutdown_timeout_s=_SHUTDOWN_TIMEOUT_S,
        logging_config={"log_level": logging.INFO, "enable_access_log": False},
    )
    return deployment.bind(folder, config)
