"""Settings of the served policy: its limits and its replicas."""

from pydantic import Field, model_validator

from store.settings import Settings


class ServingSettings(Settings):
    """How `automathes serve` serves."""

    max_waiting: int = Field(
        512, ge=0, description="texts of a replica that may wait for a slot; requests beyond them get status 429"
    )
    queue_s: float = Field(120.0, gt=0, description="a text that waited so long for a slot fails with status 429")
    request_s: float = Field(1800.0, gt=0, description="a request that takes so long fails with status 504")
    retry_after_s: int = Field(5, ge=1, description="when a refused client is asked to try again")
    max_body_mib: float = Field(4.0, gt=0, description="larger requests get status 413")
    replicas: int = Field(1, ge=1, description="replicas, each with an engine and a sandbox")
    max_replicas: int | None = Field(
        None, ge=1, description="replicas are added under load, up to these; unset: always as many as `replicas`"
    )

    @model_validator(mode="after")
    def _grows(self) -> "ServingSettings":
        if self.max_replicas is not None and self.max_replicas < self.replicas:
            raise ValueError(f"max_replicas ({self.max_replicas}) must not be below replicas ({self.replicas})")
        return self
