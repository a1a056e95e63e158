"""The application that a Serve configuration names, as the RayService manifest of `cluster/ray/kubernetes` does."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import find_run_folder
from cluster.serving.deployment import make_application


class ServedRun(BaseModel):
    """The `args` of the application."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Path = Field(
        description="folder of the run on the node that builds the application, and with its policies or its store in"
        " it on a disk that all nodes share; `latest` is resolved once"
    )


def application(arguments: ServedRun) -> Any:
    """Build the application of a run.

    Raises:
        ConfigError: the folder does not exist.
    """
    if not arguments.run.is_dir():
        raise ConfigError(f"run folder {arguments.run} does not exist on the Ray node that builds the application")
    folder = find_run_folder(arguments.run.parent, arguments.run)
    return make_application(folder, folder.read_config())
