"""The application that a Serve configuration names, as the RayService manifest of `cluster/ray/kubernetes` does."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from actors.scoring.published import ValueFiles
from cluster.config.run_config import ConfigError, RunConfig
from cluster.config.run_folder import RunFolder, find_run_folder
from cluster.config.token import TOKEN_VARIABLE, given_token
from cluster.config.value_models import choose_model, value_files
from cluster.serving.api.guard import access_with
from cluster.serving.deployment import Service, make_application
from cluster.serving.policies.served import Versions
from cluster.serving.policies.sources import RunSource


class ServedRun(BaseModel):
    """The `args` of the application."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Path = Field(
        description="folder of the run on the node that builds the application, and with its policies or its store in"
        " it on a disk that all nodes share; `latest` is resolved once"
    )
    versions: Versions = Field(Versions(), description="which of its policies are served")
    open: bool = Field(False, description="answer without a token, as a gateway before it asks for one")
    value_model: int | None = Field(None, description="version of its value model that chooses among attempts")
    collect: bool = Field(False, description="keep questions, answers and ratings in the run's store, for review")


def application(arguments: ServedRun) -> Any:
    """Build the application of a run. Clients must show the token in AUTOMATHES_TOKEN, unless it is open.

    Raises:
        ConfigError: the folder does not exist, it has no such value model, or there is no token.
    """
    token = None if arguments.open else given_token(None)
    if token is None and not arguments.open:
        raise ConfigError(f"the environment has no {TOKEN_VARIABLE}: clients of a cluster must show a token")
    if not arguments.run.is_dir():
        raise ConfigError(f"run folder {arguments.run} does not exist on the Ray node that builds the application")
    folder = find_run_folder(arguments.run.parent, arguments.run)
    access = access_with(token)
    config = folder.read_config()
    return make_application(
        Service(
            RunSource(folder),
            config,
            access,
            arguments.versions,
            collect=arguments.collect,
            value_model=_value_model(folder, config, arguments.value_model),
        )
    )


def _value_model(folder: RunFolder, config: RunConfig, version: int | None) -> ValueFiles | None:
    if version is None:
        return None
    with folder.open_store(config) as store:
        return value_files(folder, choose_model(store, version, "value_model"))
