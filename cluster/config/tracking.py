"""Settings of the trackers that a run's metrics go to. Keys and tokens are in the environment, never here."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from store.settings import Settings

TrackerName = Literal["tensorboard", "wandb", "mlflow"]
"""A key of `cluster.loop.tracking.registry.TRACKERS`."""


class TensorBoardSettings(Settings):
    """TensorBoard's event files."""

    folder: Path | None = Field(None, description="where they are written; unset: `tensorboard` in the run's folder")


class WandbSettings(Settings):
    """Weights & Biases. The key is in WANDB_API_KEY; WANDB_MODE=offline writes to the run's folder alone."""

    project: str = Field("automathes", min_length=1, pattern=r"^[^/\\#?%:]+$", description="created if it is not there")
    entity: str | None = Field(None, description="user or team; unset: the key's default one")
    group: str | None = Field(None, description="runs that are shown together")
    tags: tuple[str, ...] = Field((), description="of the run")


class MlflowSettings(Settings):
    """MLflow. Tokens and passwords are in MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and _PASSWORD."""

    uri: str | None = Field(
        None,
        description="https://host of a tracking server or sqlite:///file; unset: MLFLOW_TRACKING_URI, or without that"
        " mlflow.db in the run's folder",
    )
    experiment: str = Field("automathes", min_length=1, description="created if it is not there")

    @model_validator(mode="after")
    def _holds_no_secret(self) -> "MlflowSettings":
        """Of the whole model, so that the message does not quote the URI."""
        parts = urlsplit(self.uri or "")
        if parts.password is not None or "password" in parts.query.lower():
            raise ValueError(
                "uri must not hold a password: it would be seen in the configuration. Set MLFLOW_TRACKING_USERNAME and "
                "MLFLOW_TRACKING_PASSWORD, or the whole URI in MLFLOW_TRACKING_URI, in the driver's environment"
            )
        return self


class TrackingSettings(Settings):
    """Where the metrics of a run go, besides the store and Prometheus."""

    to: tuple[TrackerName, ...] = Field((), description="trackers that get the metrics of each policy and each step")
    tensorboard: TensorBoardSettings = TensorBoardSettings()
    wandb: WandbSettings = WandbSettings()
    mlflow: MlflowSettings = MlflowSettings()

    @field_validator("to")
    @classmethod
    def _names_each_once(cls, to: tuple[TrackerName, ...]) -> tuple[TrackerName, ...]:
        if len(set(to)) < len(to):
            raise ValueError("name each tracker once")
        return to
