"""The root settings of a run: the settings of every package in one tree, checked before anything heavy is imported."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from actors.settings import SamplerSettings, TeacherSettings
from cluster.config.serving import ServingSettings
from cluster.config.tracking import TrackingSettings
from learner.bases import Base
from learner.settings import LearnerSettings
from learner.value.settings import ValueSettings
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.records import Sampling
from store.settings import (
    PolicyRetentionSettings,
    ProblemSourceSettings,
    RetentionSettings,
    SchedulingRule,
    SelectionSettings,
    StorageSettings,
    StoreSettings,
)


class ConfigError(ValueError):
    """Wrong configuration or wrong use. The message names the key or option, the value and what would be right."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IterationSettings(_Settings):
    """One iteration: the span between two publications."""

    count: int = Field(3, ge=0, description="iterations of self-training after the warm start")
    problems: int = Field(700, ge=1, description="problems attempted in each iteration")
    samples_per_problem: int = Field(4, ge=1)
    temperature: float = Field(0.8, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    scheduling: SchedulingRule = Field("fewest_attempts_first", description="which problems come first")
    lead: int = Field(
        0, ge=0, le=64, description="iterations by which sampling may be ahead of training; 0 takes turns with it"
    )
    quorum: float | None = Field(
        None,
        gt=0,
        le=1,
        description="share of an iteration's rollouts that must be judged before it is trained on; unset: 1 with lead"
        " 0, else 0.95. The others are part of later selections",
    )
    from_base: bool = Field(False, description="train every policy from the base policy instead of from its parent")

    @property
    def required_quorum(self) -> float:
        """The share of an iteration's rollouts that must be judged before it is trained on."""
        return self.quorum if self.quorum is not None else 1.0 if self.lead == 0 else 0.95


class EvaluationSettings(_Settings):
    """How policies are evaluated on the held-out problems before they are promoted."""

    problems: int = Field(400, ge=1, description="held-out problems")
    base: bool = Field(True, description="evaluate the base policy too, before training starts")
    sampled: int = Field(0, ge=0, description="attempts per problem for pass@k and maj@k; 0 disables them")
    temperature: float = Field(0.8, gt=0, le=2)


class PromotionSettings(_Settings):
    """When a new policy replaces the one that is served, judged by greedy pass@1 on held-out problems."""

    rule: Literal["better", "not_worse", "always"] = Field(
        "better",
        description="'better': it solves more problems than the promoted policy; 'not_worse': it is worse by less than"
        " `margin`; 'always': in any case",
    )
    confidence: float = Field(
        0.95, gt=0.5, lt=1, description="1 less the probability of promoting a policy that does not meet the rule"
    )
    margin: float = Field(0.02, ge=0, le=1, description="loss of pass@1 that the rule 'not_worse' accepts, as a share")
    max_problems: int = Field(
        0,
        ge=0,
        description="held-out problems up to which an undecided comparison goes on; never fewer than"
        " evaluation.problems, which 0 means",
    )


_HTTP_URL = r"^https?://[^/\s]+$"


class RaySettings(_Settings):
    """The Ray cluster."""

    address: str | None = Field(
        None, description="address of a running cluster ('auto' finds it); without it, Ray starts on this machine"
    )
    autoscaling: bool | None = Field(
        None,
        description="whether the cluster at `address` adds machines on demand: a run that has no room then waits for"
        " them instead of being refused. Unset: as far as `ray up` or Ray tells which machines may be added",
    )
    dashboard: bool = True
    dashboard_host: str = Field(
        "127.0.0.1", description="address that the dashboard of a Ray that is started here listens on"
    )
    dashboard_port: int = Field(8265, ge=0, le=65535)
    prometheus_url: str = Field(
        "http://127.0.0.1:9090",
        pattern=_HTTP_URL,
        description="where Ray's dashboard looks for Prometheus, and `automathes monitor` starts it",
    )
    grafana_url: str = Field(
        "http://127.0.0.1:3000", pattern=_HTTP_URL, description="the same for Grafana, as a browser reaches it"
    )
    samplers_lost_s: float = Field(600.0, gt=0, description="the run fails after this long without a living sampler")
    stall_s: float = Field(
        900.0, gt=0, description="the run fails after this long without a token, a rollout or a sampler that starts"
    )
    sampler_silence_s: float = Field(
        300.0, gt=0, description="a sampler that is alive but has not answered for this long is killed and restarted"
    )
    max_sampler_restarts: int = Field(1000, ge=0, description="of each sampler, over the whole run")


class RunConfig(_Settings):
    """The complete configuration of a run."""

    preset: str | None = None
    seed: int = Field(0, ge=0)
    base: Base
    problems: list[ProblemSourceSettings] = Field(
        description="sources that the run imports when it starts; none: the problems that `automathes problems import"
        " --store` put into its store"
    )
    teacher: TeacherSettings | None = Field(
        None, description="writes the demonstrations of the warm start; without it there is no warm start"
    )
    store: StoreSettings = StoreSettings()
    storage: StorageSettings = StorageSettings()
    sampler: SamplerSettings = SamplerSettings()
    sandbox: SandboxSettings = SandboxSettings()
    answer_checker: AnswerCheckerSettings = AnswerCheckerSettings()
    learner: LearnerSettings = LearnerSettings()
    value: ValueSettings = ValueSettings()
    selection: SelectionSettings = SelectionSettings()
    retention: RetentionSettings | None = Field(
        None, description="prunes rejected rollouts after each iteration; without it, all are kept"
    )
    iteration: IterationSettings = IterationSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    promotion: PromotionSettings = PromotionSettings()
    policies: PolicyRetentionSettings | None = Field(
        None, description="prunes the folders of policies after each decision on promotion; without it, all are kept"
    )
    tracking: TrackingSettings = TrackingSettings()
    ray: RaySettings = RaySettings()
    serving: ServingSettings = ServingSettings()
    mode: Literal["self_training", "demonstrations_only"] = Field(
        "self_training",
        description="'demonstrations_only' is the control run: as many steps, on the warm start's data alone",
    )

    def evaluation_sampling(self, temperature: float) -> Sampling:
        """Sampling of an evaluation: greedy at temperature 0, otherwise with the top_p of iterations."""
        return Sampling(temperature, self.iteration.top_p if temperature else 1.0)

    @model_validator(mode="after")
    def _fits_together(self) -> "RunConfig":
        engine, limits = self.sampler.engine, self.sampler.limits
        if limits.max_tokens >= engine.max_model_len:
            raise ValueError(
                f"sampler.limits.max_tokens ({limits.max_tokens}) must be below sampler.engine.max_model_len "
                f"({engine.max_model_len}), which includes the prompt"
            )
        if self.storage.url is not None and self.storage.silence_s >= min(self.learner.silence_s, engine.silence_s):
            raise ValueError(
                f"storage.silence_s ({self.storage.silence_s:g}) must be below learner.silence_s "
                f"({self.learner.silence_s:g}) and sampler.engine.silence_s ({engine.silence_s:g}): a transfer must "
                "fail before those who wait for it are taken for dead"
            )
        if self.mode == "demonstrations_only" and self.teacher is None:
            raise ValueError("mode 'demonstrations_only' needs a teacher")
        return self
