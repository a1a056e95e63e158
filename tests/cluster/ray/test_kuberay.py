"""KubeRay's manifests have only fields that KubeRay has, and Ray and Serve accept what is meant for them."""

import re
import shlex
from typing import Any

import pytest
import yaml
from pydantic import ValidationError
from ray import __version__ as ray_version
from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.scripts.scripts import start
from ray.serve.schema import ServeDeploySchema

from cluster.cli import make_parser
from cluster.config.loading import load_config
from cluster.serving.declared import ServedRun
from tests.cluster.ray.fields.kuberay import MANIFESTS, Manifest, cluster_spec
from tests.cluster.ray.files import RAY_FILES
from tests.docs.markdown import blocks


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((RAY_FILES / "kubernetes" / f"{name}.yaml").read_text())


@pytest.fixture(params=["raycluster", "rayjob", "rayservice"])
def manifest(request: pytest.FixtureRequest) -> dict[str, Any]:
    return load(request.param)


def parse(manifest: dict[str, Any]) -> Manifest:
    return MANIFESTS[manifest["kind"]].model_validate(manifest)


def autoscaling(manifest: dict[str, Any]) -> dict[str, Any]:
    """What Ray's autoscaler makes of the cluster that the operator creates for a manifest."""
    return _derive_autoscaling_config_from_ray_cr({**manifest, "spec": cluster_spec(manifest)})


def serve_config() -> dict[str, Any]:
    return yaml.safe_load(load("rayservice")["spec"]["serveConfigV2"])


def read_by_serve(config: dict[str, Any]) -> dict[str, Any]:
    """What Serve keeps of a configuration: it drops fields that it does not know."""
    return ServeDeploySchema.model_validate(config).model_dump(exclude_unset=True)


def test_kuberay_knows_every_field(manifest: dict[str, Any]) -> None:
    parse(manifest)


def test_a_misspelt_field_is_refused(manifest: dict[str, Any]) -> None:
    group = cluster_spec(manifest)["workerGroupSpecs"][0]
    group["maxReplica"] = group.pop("maxReplicas")

    with pytest.raises(ValidationError, match="maxReplica"):
        parse(manifest)


def test_the_guide_adds_redis_to_the_cluster() -> None:
    (added,) = (block.text for block in blocks("yaml") if "gcsFaultToleranceOptions" in block.text)
    manifest = load("raycluster")
    manifest["spec"] |= yaml.safe_load(added)

    parse(manifest)
    assert manifest["spec"]["gcsFaultToleranceOptions"]["redisAddress"] == "redis:6379"


def test_the_cluster_has_the_version_of_ray_that_is_installed_and_asks_for_its_token(manifest: dict[str, Any]) -> None:
    spec = cluster_spec(manifest)

    assert spec["rayVersion"] == ray_version
    assert spec["authOptions"] == {"mode": "token"}


def test_ray_start_has_the_options_of_each_group(manifest: dict[str, Any]) -> None:
    spec = cluster_spec(manifest)
    known = {option for parameter in start.params for option in parameter.opts}

    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert {f"--{name}" for name in group["rayStartParams"]} <= known


def test_ray_derives_the_limits_of_the_autoscaler(manifest: dict[str, Any]) -> None:
    groups = {group["groupName"]: group for group in cluster_spec(manifest)["workerGroupSpecs"]}
    derived = autoscaling(manifest)

    assert derived["idle_timeout_minutes"] == 30
    assert derived["max_workers"] == sum(group["maxReplicas"] for group in groups.values())
    for name, group in groups.items():
        limits = derived["available_node_types"][name]
        assert (limits["min_workers"], limits["max_workers"]) == (group["minReplicas"], group["maxReplicas"])
        assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]


def test_ray_finds_the_gpus_of_each_group() -> None:
    gpus = {
        name: kind["resources"].get("GPU", 0)
        for file in ("raycluster", "rayjob", "rayservice")
        for name, kind in autoscaling(load(file))["available_node_types"].items()
    }

    assert gpus == {"headgroup": 0, "learner": 4, "sampler": 1, "server": 1}


def test_the_cluster_of_a_job_is_the_cluster_that_stays() -> None:
    assert cluster_spec(load("rayjob")) == cluster_spec(load("raycluster"))


def test_the_heads_open_the_ports_of_ray(manifest: dict[str, Any]) -> None:
    container = cluster_spec(manifest)["headGroupSpec"]["template"]["spec"]["containers"][0]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}

    serve = {"serve": 8000} if manifest["kind"] == "RayService" else {}
    assert ports == {"gcs-server": 6379, "dashboard": 8265, "client": 10001, "metrics": 8080, **serve}


def test_the_job_starts_a_run_and_resumes_it() -> None:
    shell, option, script = shlex.split(load("rayjob")["spec"]["entrypoint"])
    resumption, start = re.findall(r"exec automathes ([^;]+)", script)

    assert (shell, option) == ("bash", "-c")
    assert make_parser().parse_args(shlex.split(resumption)).resume
    first = make_parser().parse_args(shlex.split(start))
    assert load_config(first.preset, first.config, first.overrides).ray.address == "auto"


def test_the_job_lets_its_cluster_go() -> None:
    spec = load("rayjob")["spec"]

    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["ttlSecondsAfterFinished"] < spec["activeDeadlineSeconds"]


def test_serve_reads_all_of_its_configuration() -> None:
    assert read_by_serve(serve_config()) == serve_config()


def test_a_misspelt_field_of_serve_is_noticed() -> None:
    config = serve_config()
    config["applications"][0]["deployments"][0]["num_replica"] = 2

    assert read_by_serve(config) != config


def test_the_application_takes_its_arguments() -> None:
    arguments = serve_config()["applications"][0]["args"]

    assert ServedRun.model_validate(arguments).run.as_posix().startswith("/opt/automathes/runs/")


def test_each_replica_can_have_a_pod() -> None:
    group = cluster_spec(load("rayservice"))["workerGroupSpecs"][0]

    assert serve_config()["applications"][0]["deployments"][0]["num_replicas"] <= group["maxReplicas"]
