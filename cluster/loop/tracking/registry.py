"""The trackers that there are. A new one is a file in `trackers/`, a line here and its settings."""

from importlib.util import find_spec

from cluster.config.run_config import ConfigError
from cluster.config.tracking import TrackerName, TrackingSettings

TRACKERS: dict[TrackerName, str] = {
    "tensorboard": "tensorboardX",  # comes with RLlib; the extra has the viewer
    "wandb": "wandb",
    "mlflow": "mlflow",
}
"""The module that each tracker needs, by its name, which is that of its file and of the extra that installs it."""


def module_of(tracker: str) -> str:
    """The module that has the tracker's `open_tracker`."""
    return f"{__package__}.trackers.{tracker}"


def require_trackers(settings: TrackingSettings) -> None:
    """Check that what the chosen trackers need is installed, without importing it.

    Raises:
        ConfigError: names the tracker and what to install.
    """
    for tracker in settings.to:
        if find_spec(TRACKERS[tracker]) is None:
            raise ConfigError(
                f"tracking.to: {tracker} needs the package {TRACKERS[tracker]}, which is not installed: "
                f"pip install 'automathes[{tracker}]', or leave it out"
            )
