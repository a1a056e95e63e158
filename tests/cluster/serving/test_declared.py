"""The application that a Serve configuration names is built as Serve builds it, without a cluster."""

import importlib
from pathlib import Path

import pytest
import yaml
from ray.serve import Application
from ray.serve._private.api import call_user_app_builder_with_args_if_necessary as build

from cluster.config.loading import load_config, to_toml
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.config.token import TOKEN_VARIABLE
from cluster.serving.api.guard import access_with
from cluster.serving.deployment import Service
from cluster.serving.policies.sources import RunSource
from tests.cluster.ray.files import RAY_FILES


@pytest.fixture(scope="module")
def declared() -> dict[str, object]:
    manifest = yaml.safe_load((RAY_FILES / "kubernetes/rayservice.yaml").read_text())
    return yaml.safe_load(manifest["spec"]["serveConfigV2"])["applications"][0]


@pytest.fixture
def builder(declared: dict[str, object]) -> object:
    module, name = str(declared["import_path"]).split(":")
    return getattr(importlib.import_module(module), name)


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv(TOKEN_VARIABLE, "a-token-of-the-tests")
    return "a-token-of-the-tests"


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    folder = RunFolder(tmp_path / "demo-1")
    folder.path.mkdir()
    folder.config_file.write_text(to_toml(load_config("demo", None, ["sampler.gpus_per_sampler=1"])))
    (tmp_path / "latest").symlink_to("demo-1")
    return folder


def test_it_serves_the_run_with_the_resources_of_a_sampler(
    builder: object, declared: dict[str, object], run: RunFolder, token: str
) -> None:
    application = build(builder, {"run": str(run.path.parent / "latest")})

    assert isinstance(application, Application)
    deployment = application._bound_deployment
    assert [item["name"] for item in declared["deployments"]] == [deployment.name]  # type: ignore[attr-defined]
    assert deployment.init_args == (Service(RunSource(run), run.read_config(), access_with(token)),)
    assert deployment.ray_actor_options["num_gpus"] == 1


def test_a_folder_that_does_not_exist_is_named(builder: object, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing does not exist"):
        build(builder, {"run": str(tmp_path / "missing")})


def test_without_a_token_it_is_not_served_unless_it_is_to_be_open(
    builder: object, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN_VARIABLE)
    with pytest.raises(ConfigError, match=TOKEN_VARIABLE):
        build(builder, {"run": str(run.path)})

    application = build(builder, {"run": str(run.path), "open": True})

    assert application._bound_deployment.init_args[0].access == access_with(None)


def test_an_unknown_argument_is_refused(builder: object, run: RunFolder) -> None:
    with pytest.raises(ValueError, match="folder"):
        build(builder, {"run": str(run.path), "folder": "x"})
