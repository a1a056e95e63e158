"""The base class of settings."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base class of settings: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)
