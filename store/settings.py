"""Settings: the store's URL, storage, problem sources, scheduling, selection of training sets, retention."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

from store.records import Split, TemplateTwins


class Settings(BaseModel):
    """Base class of settings: immutable, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Settings):
    """Where the store is.

    `url`: sqlite:///path or postgresql://user@host/database, whose password each machine has in ~/.pgpass or in
    PGPASSWORD. None: a SQLite file in the run's folder.
    """

    url: str | None = None


class StorageSettings(Settings):
    """Where policies and the checkpoints of trainings are kept: in the run's folder, or under a URL.

    Options and secrets of a storage come from the environment or from fsspec's configuration files of each machine.
    """

    url: str | None = Field(
        default=None,
        description="s3://bucket/prefix, gs://bucket/prefix or another URL that fsspec knows; each run has a folder"
        " there. Unset: the run's own folder, which all nodes of a cluster must see",
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9._-]+$",
        description="the run's folder under the URL; decided when the run is created, as the name of its own folder",
    )
    cache: Path | None = Field(
        default=None,
        description="folder for local copies on each machine; unset: /var/tmp/automathes-UID. It must be on a disk of"
        " that machine, and is shared by all runs there",
    )
    cache_gib: float = Field(
        default=200.0, gt=0, description="limit of the copies in GiB; the least recently used are removed for new ones"
    )
    silence_s: float = Field(
        default=120.0,
        gt=0,
        description="an upload or a download of which no byte comes for this long, whatever is tried again, has failed",
    )

    @model_validator(mode="after")
    def _check_places(self) -> "StorageSettings":
        """The message never has the URL, which may hold a secret."""
        if self.cache is not None and not self.cache.is_absolute():
            raise ValueError("cache must be an absolute path: processes start in different folders")
        if self.url is None:
            return self
        parts = urlsplit(self.url)
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^/]*/?.*", self.url) or not (parts.netloc or parts.path.strip("/")):
            raise ValueError("url must be like s3://bucket/prefix, gs://bucket/prefix or file:///folder")
        if parts.password is not None or (parts.username is not None and parts.scheme in ("s3", "s3a", "gs", "gcs")):
            raise ValueError(
                "url must not hold a key or a password: it would be seen in the configuration, logs and the status. "
                "Set them in the environment of every node (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                "GOOGLE_APPLICATION_CREDENTIALS) or in fsspec's configuration files"
            )
        if parts.query or parts.fragment or "::" in self.url:
            raise ValueError(
                "url must be a plain URL, without options: set those in the environment of every node (AWS_REGION, "
                "AWS_ENDPOINT_URL, FSSPEC_*) or in fsspec's configuration files"
            )
        return self


SupportFilter = Literal["any", "supported", "not_unsupported"]

SUPPORT_OVERSAMPLING = 4
"""Places that are looked up for each solution that a filter by support may select."""


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
    `SUPPORT_OVERSAMPLING` times `max_per_problem` solutions of a problem are looked at, in the order of `prefer`, so
    that the time does not grow with the replay: a problem most of whose solutions are unsupported may yield fewer than
    `max_per_problem`. Mistakes and demonstrations are not filtered.

    Of these limits only `max_tokens` applies to demonstrations. `demonstration_share` repeats or subsamples them to
    make up that share of the set; without it, each is included `demonstration_repeat` times.
    """

    max_per_problem: int | None = Field(default=4, ge=1)
    prefer: Literal["newest", "oldest", "random"] = "newest"
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


class RetentionSettings(Settings):
    """Which rejected rollouts survive pruning: `rule` is a key of `store.rollouts.retention.RULES`."""

    rule: Literal["newest_per_problem", "newest_iterations"] = "newest_per_problem"
    keep: int = Field(default=16, ge=0)


SchedulingRule = Literal["fewest_attempts_first", "fewest_accepted_first", "by_difficulty", "uniform"]
"""A key of `store.runs.scheduling.RULES`."""


class SourceSettings(Settings):
    """Settings of every problem source.

    `heldout_fraction` of its problems, by the hash of their `split_key`, are held out; `split` overrides it for all.

    `skip_labels`: which problems are left out for their label. "no_answer": those whose label says that there is none,
    such as "proof". "unreadable": those that the answer checker cannot read too, which only an answer of the same
    words equals. They are listed in any case.
    """

    heldout_fraction: float = Field(default=0.1, ge=0, le=1)
    split: Literal[Split.TRAIN, Split.HELDOUT] | None = None
    skip_labels: Literal["none", "no_answer", "unreadable"] = "no_answer"


class ReasoningGymSettings(SourceSettings):
    """One data set of reasoning-gym: `size` distinct problems, or as many as there are.

    `split_by` "operands": problems with the same numbers in any order are the same problem. It suits plain arithmetic
    and is the default for those tasks. "question": the wording counts; the default for all other tasks.
    """

    kind: Literal["reasoning_gym"] = "reasoning_gym"
    dataset: str
    size: int = Field(default=500, ge=1)
    seed: int = Field(default=0, ge=0)
    config: dict[str, Any] = Field(default_factory=dict)
    split_by: Literal["operands", "question"] | None = None

    @model_validator(mode="after")
    def _check_config(self) -> "ReasoningGymSettings":
        misplaced = sorted({"size", "seed"} & set(self.config))
        if misplaced:
            raise ValueError(f"{' and '.join(misplaced)} belong beside `config`, not in it")
        return self


AnswerForm = Literal["plain", "gsm8k", "boxed"]
"""How a field holds the answer: as is, after `####`, or in the last `\\boxed{}`."""


class Columns(Settings):
    """The names of a row's fields.

    Without `id`, one is generated from the question. Rows may lack `subject` and `level`. A name with dots is that of a
    nested field, such as `reward_model.ground_truth`. A question that is a list of chat messages is the last one of
    the user.
    """

    question: str = "question"
    answer: str = "answer"
    id: str | None = None
    subject: str = "subject"
    level: str = "level"


class TableSettings(SourceSettings):
    """Settings of sources that consist of rows.

    One bad row rejects the whole source, unless `bad_rows` is "skip". `limit` reads only the first rows.

    `template_twins`: what becomes of a training problem that is a held-out one with other numbers or names, if either
    of them is from this source. "train" suits generated problems, which are all twins of one another.
    """

    columns: Columns = Columns()
    answer_from: AnswerForm = "plain"
    bad_rows: Literal["refuse", "skip"] = "refuse"
    template_twins: TemplateTwins = "leave_out"
    limit: int | None = Field(default=None, ge=1)


class JsonlSettings(TableSettings):
    """A file with one JSON object per line. `name` is stored as the problems' source; None: folder and file name."""

    kind: Literal["jsonl"] = "jsonl"
    path: str
    name: str | None = None


class ParquetSettings(TableSettings):
    """A Parquet file. `name` is stored as the problems' source; None: folder and file name."""

    kind: Literal["parquet"] = "parquet"
    path: str
    name: str | None = None


class HuggingFaceSettings(TableSettings):
    """A data set of the Hugging Face hub, or a local folder of one, e.g. openai/gsm8k with config main."""

    kind: Literal["huggingface"] = "huggingface"
    dataset: str
    config: str | None = None
    dataset_split: str = "train"
    revision: str | None = None


ProblemSourceSettings = Annotated[
    ReasoningGymSettings | JsonlSettings | ParquetSettings | HuggingFaceSettings, Field(discriminator="kind")
]


class PolicyRetentionSettings(Settings):
    """Which policies keep their folders; `store.runs.policy_retention` says which are kept in any case.

    `keep_last`: the latest so many. `keep_promoted`: those of the latest so many promotions; with 2, a rollback finds
    the one that was served before.
    """

    keep_last: int = Field(default=2, ge=1)
    keep_promoted: int = Field(default=2, ge=1)
