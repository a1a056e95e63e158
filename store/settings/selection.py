"""Settings of what a run attempts, trains on and keeps: scheduling, selection of training sets, retention."""

from typing import Literal

from pydantic import Field, model_validator

from store.settings.base import Settings

SupportFilter = Literal["any", "supported", "not_unsupported"]

OVERSAMPLING = 4
"""Places that are looked up for each attempt that a filter by support, or a choice by value, may select."""


class SelectionSettings(Settings):
    """How the training set of a new policy is selected from the replay.

    At most `max_per_problem` solutions of each problem are selected, in the order of `prefer` (a key of
    `store.training.candidates.RULES`). Unless `accepted_only`, as many mistakes are selected too. `iterations` and
    `policy_versions` restrict both to that number of most recent iterations and policy versions.

    `max_policy_lag` leaves out attempts whose oldest token is by a policy that more than that number of published
    policies separate from the latest one, which is trained further; 0 trains only on that policy's own attempts.

    `max_samples` and `max_tokens` (prompts included) then truncate the selection in the order of preference. A share
    `hard_share` of what remains comes from hard problems, as far as there are enough. A problem is hard if at most
    `hard_pass_rate` of its attempts were accepted.

    `support` "supported" selects only solutions whose answer follows from their code, "not_unsupported" excludes those
    that were judged otherwise and keeps solutions without code and those that were never judged. At most
    `OVERSAMPLING` times `max_per_problem` solutions of a problem are looked at, in the order of `prefer`, so
    that the time does not grow with the replay: a problem most of whose solutions are unsupported may yield fewer than
    `max_per_problem`. Mistakes and demonstrations are not filtered.

    `prefer` "value" takes those of the newest with the highest score of a value model, among `OVERSAMPLING` times
    `max_per_problem` of each problem; the same without a score come last. `value_model` is its version, the latest one
    if unset. It chooses within problems only: what follows truncates by the newest, or problems with few solutions, of
    which none is scored, would be left out.

    Of these limits only `max_tokens` applies to demonstrations. `demonstration_share` repeats or subsamples them to
    make up that share of the set; without it, each is included `demonstration_repeat` times.
    """

    max_per_problem: int | None = Field(default=4, ge=1)
    prefer: Literal["newest", "oldest", "random", "value"] = "newest"
    value_model: int | None = Field(default=None, ge=1)
    accepted_only: bool = True
    support: SupportFilter = "any"
    iterations: int | None = Field(default=None, ge=1)
    policy_versions: int | None = Field(default=None, ge=1)
    max_policy_lag: int | None = Field(default=None, ge=0)
    max_samples: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    hard_share: float | None = Field(default=None, gt=0, le=1)
    hard_pass_rate: float = Field(default=0.3, ge=0, le=1)
    attempts: bool = True
    demonstrations: bool = True
    demonstration_repeat: int = Field(default=1, ge=1)
    demonstration_share: float | None = Field(default=None, gt=0, lt=1)
    seed: int = 0

    @model_validator(mode="after")
    def _check_hard_share(self) -> "SelectionSettings":
        if self.hard_share is not None and self.max_samples is None and self.max_tokens is None:
            raise ValueError("hard_share is a share of max_samples or max_tokens: set one of them too")
        return self

    @model_validator(mode="after")
    def _check_value(self) -> "SelectionSettings":
        if self.prefer == "value" and self.max_per_problem is None:
            raise ValueError('prefer = "value" chooses among the solutions of a problem: set max_per_problem too')
        if self.value_model is not None and self.prefer != "value":
            raise ValueError('value_model is for prefer = "value"')
        return self


class RetentionSettings(Settings):
    """Which rejected rollouts survive pruning: `rule` is a key of `store.rollouts.retention.RULES`."""

    rule: Literal["newest_per_problem", "newest_iterations"] = "newest_per_problem"
    keep: int = Field(default=16, ge=0)


SchedulingRule = Literal["fewest_attempts_first", "fewest_accepted_first", "by_difficulty", "uniform"]
"""A key of `store.runs.scheduling.RULES`."""


class PolicyRetentionSettings(Settings):
    """Which policies keep their folders; `store.runs.policy_retention` says which are kept in any case.

    `keep_last`: the latest so many. `keep_promoted`: those of the latest so many promotions; with 2, a rollback finds
    the one that was served before.
    """

    keep_last: int = Field(default=2, ge=1)
    keep_promoted: int = Field(default=2, ge=1)
