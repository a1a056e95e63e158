"""KubeRay's own fields that the manifests set, and their types. Pod templates are checked as Kubernetes' own.

No package brings KubeRay's CRDs, so this is written by hand: names, types and values are those of the Go types that the
CRDs are generated from (ray-operator/apis/ray/v1/*_types.go), and only what the manifests use. `authOptions` is newer,
and follows KubeRay's guide to token authentication.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PodTemplate = dict[str, Any]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", max_length=63)
    namespace: str


class AuthOptions(Strict):
    mode: Literal["disabled", "token"]


class AutoscalerOptions(Strict):
    version: Literal["v1", "v2"]
    idleTimeoutSeconds: int = Field(ge=0)


class SecretKey(Strict):
    name: str
    key: str


class SecretSource(Strict):
    secretKeyRef: SecretKey


class RedisCredential(Strict):
    valueFrom: SecretSource


class GcsFaultToleranceOptions(Strict):
    redisAddress: str
    redisPassword: RedisCredential


class HeadGroup(Strict):
    rayStartParams: dict[str, str]
    template: PodTemplate


class WorkerGroup(Strict):
    groupName: str
    replicas: int = Field(ge=0)
    minReplicas: int = Field(ge=0)
    maxReplicas: int = Field(ge=0)
    rayStartParams: dict[str, str]
    template: PodTemplate


class RayClusterSpec(Strict):
    rayVersion: str
    authOptions: AuthOptions
    enableInTreeAutoscaling: bool
    autoscalerOptions: AutoscalerOptions
    gcsFaultToleranceOptions: GcsFaultToleranceOptions | None = None
    headGroupSpec: HeadGroup
    workerGroupSpecs: list[WorkerGroup]


class RayJobSpec(Strict):
    entrypoint: str
    backoffLimit: int = Field(ge=0)
    activeDeadlineSeconds: int = Field(gt=0)
    shutdownAfterJobFinishes: bool
    ttlSecondsAfterFinished: int = Field(ge=0)
    rayClusterSpec: RayClusterSpec


class RayServiceSpec(Strict):
    serveConfigV2: str
    rayClusterConfig: RayClusterSpec


class Manifest(Strict):
    apiVersion: Literal["ray.io/v1"]
    metadata: Metadata


class RayCluster(Manifest):
    kind: Literal["RayCluster"]
    spec: RayClusterSpec


class RayJob(Manifest):
    kind: Literal["RayJob"]
    spec: RayJobSpec


class RayService(Manifest):
    kind: Literal["RayService"]
    spec: RayServiceSpec


MANIFESTS: dict[str, type[Manifest]] = {kind.__name__: kind for kind in (RayCluster, RayJob, RayService)}


def cluster_spec(manifest: dict[str, Any]) -> dict[str, Any]:
    """The specification of the cluster that a manifest of any kind asks for."""
    spec = manifest["spec"]
    return spec.get("rayClusterSpec") or spec.get("rayClusterConfig") or spec
