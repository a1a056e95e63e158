"""Settings of trackers."""

import pytest

from cluster.config.loading import load_config
from cluster.config.run_config import ConfigError
from cluster.config.tracking import TrackingSettings


def test_trackers_are_chosen_on_the_command_line() -> None:
    config = load_config("demo", None, ["tracking.to=['tensorboard', 'wandb']", "tracking.wandb.project=mine"])
    assert config.tracking.to == ("tensorboard", "wandb")
    assert config.tracking.wandb.project == "mine"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("tracking.to=['comet']", "'tensorboard', 'wandb' or 'mlflow'"),
        ("tracking.to=['wandb', 'wandb']", "name each tracker once"),
        ("tracking.wandb.api_key=x", "tracking.wandb.api_key"),
        ("tracking.mlflow.uri='https://me:pw@host'", "MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_a_wrong_choice_is_refused_with_the_reason(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config("demo", None, [override])


def test_the_message_about_a_password_does_not_have_it() -> None:
    with pytest.raises(ConfigError) as error:
        load_config("demo", None, ["tracking.mlflow.uri='https://me:hidden@host'"])
    assert "hidden" not in str(error.value)


def _fields() -> list[tuple[str, str | None]]:
    parts = {"": TrackingSettings(), "tensorboard.": TrackingSettings().tensorboard}
    parts |= {"wandb.": TrackingSettings().wandb, "mlflow.": TrackingSettings().mlflow}
    return [
        (f"{prefix}{name}", field.description)
        for prefix, part in parts.items()
        for name, field in type(part).model_fields.items()
        if f"{name}." not in parts
    ]


@pytest.mark.parametrize(("name", "description"), _fields())
def test_every_setting_is_described(name: str, description: str | None) -> None:
    assert description, name
