"""The Ray Serve deployment: a thin shell around the HTTP application."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any

from ray import serve

from actors.scoring.published import ValueFiles
from cluster.config.run_config import RunConfig
from cluster.serving.api.app import make_app
from cluster.serving.api.feedback.collector import Collector
from cluster.serving.api.guard import Access
from cluster.serving.metrics.serving_metrics import ServingMetrics
from cluster.serving.metrics.sinks import RayMetrics
from cluster.serving.policies.served import ServedPolicies, Versions
from cluster.serving.policies.sources import RunSource, Source

_DEPLOYMENT = "promoted-policy"
_SHUTDOWN_TIMEOUT_S = 10.0
_HEALTH_PERIOD_S = 2.0  # after three failures the replica is replaced: until then, requests fail on a dead engine
_HEALTH_TIMEOUT_S = 60.0  # the engine does not answer while it swaps a large policy
_SPARE_REQUESTS = 64  # refused by the replica with OpenAI's error, and not by Serve with its own


@dataclass(frozen=True, slots=True)
class Service:
    """What is served, and to whom.

    With `collect`, completions and ratings are kept in the run's store; the value model may choose among attempts.
    """

    source: Source
    config: RunConfig
    access: Access
    versions: Versions = Versions()  # noqa: RUF009 - it is frozen
    collect: bool = False
    value_model: ValueFiles | None = None


@serve.ingress()
class Automathes:
    """A replica: engines with its policies, a sandbox, and the API."""

    async def __init__(self, service: Service) -> None:  # type: ignore[misc]  # Serve awaits it
        self._service = service
        self._collector = _collector(service)
        self._observing: asyncio.Task[None] | None = None
        self._policies = ServedPolicies(service.source, service.config, service.versions, service.value_model)
        loading = self._policies.begin()
        if self._collector is not None:
            await self._collector.start()
        if await asyncio.to_thread(_others_serve):
            await loading  # requests go to the others meanwhile
        # The first replica answers at once, by status 503, and by its state at /ready.

    def __serve_build_asgi_app__(self) -> Any:
        metrics = ServingMetrics(self._policies, [RayMetrics()])
        self._observing = asyncio.create_task(metrics.observe_state_forever(), name="observe the state")
        return make_app(self._policies, self._service.access, metrics, self._collector)

    async def check_health(self) -> None:
        """Raise if the replica is unhealthy; Serve then replaces it."""
        await self._policies.check_health()

    async def __del__(self) -> None:
        if not hasattr(self, "_policies"):
            return
        if self._observing is not None:
            self._observing.cancel()
        if self._collector is not None:
            await self._collector.close()
        await self._policies.close()


def _collector(service: Service) -> Collector | None:
    """What collects completions, if that was asked for: it needs a run."""
    if not service.collect or not isinstance(service.source, RunSource):
        return None
    return Collector.of_run(service.source.folder, service.config)


def _others_serve() -> bool:
    """Whether another replica of this application runs."""
    context = serve.get_replica_context()
    application = serve.status().applications.get(context.app_name)
    deployment = application.deployments.get(context.deployment) if application else None
    return bool(deployment and deployment.replica_states.get("RUNNING", 0))


def make_application(service: Service) -> Any:
    """The Serve application of a service."""
    sampler, serving = service.config.sampler, service.config.serving
    slots = sampler.engine.max_concurrent_rollouts
    deployment = serve.deployment(
        Automathes,
        name=_DEPLOYMENT,
        ray_actor_options={"num_cpus": sampler.cpus_per_sampler, "num_gpus": sampler.gpus_per_sampler},
        max_ongoing_requests=slots + serving.max_waiting + _SPARE_REQUESTS,
        max_constructor_retry_count=1,
        health_check_period_s=_HEALTH_PERIOD_S,
        health_check_timeout_s=_HEALTH_TIMEOUT_S,
        graceful_shutdown_timeout_s=_SHUTDOWN_TIMEOUT_S,
        logging_config={"log_level": logging.INFO, "enable_access_log": False},
        **_replicas(service.config),
    )
    return deployment.bind(service)


def _replicas(config: RunConfig) -> dict[str, Any]:
    """The number of replicas, fixed or from a least to a most: more are started once the slots are in use."""
    serving = config.serving
    if serving.max_replicas is None or serving.max_replicas == serving.replicas:
        return {"num_replicas": serving.replicas}
    target = config.sampler.engine.max_concurrent_rollouts
    limits = {"min_replicas": serving.replicas, "max_replicas": serving.max_replicas}
    return {"autoscaling_config": {**limits, "target_ongoing_requests": target}}
