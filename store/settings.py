"""What can be set: where the store is, where problems come from, how a training set is chosen."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from store.records import Split


class Settings(BaseModel):
    """Unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class StoreSettings(Settings):
    """`url`: sqlite:///path or postgresql://user:password@host/database. None: a SQLite file in the run's folder."""

    url: str | None = None


class SelectionSettings(Settings):
    """How the training set of a new policy is chosen from the replay.

    Of each problem at most `max_per_problem` solutions are taken, those that `prefer` says (a key of
    `store.training.candidates.RULES`); of mistakes, which come along unless `accepted_only`, as many again. `iterations` and
    `policy_versions` limit them to the newest so many.

    `max_samples` and `max_tokens` (prompts included) cut what is left, in the order of preference. Of what they let
    pass `hard_share` is of hard problems, as far as there is so much; a problem is hard if at most `hard_pass_rate` of
    its attempts were accepted.

    Demonstrations are outside of these limits but for `max_tokens`. `demonstration_share`, where given, repeats or
    thins them so that they make up that share of the set; otherwise each stands in it `demonstration_repeat` times.
    """

    max_per_problem: int | None = Field(default=4, ge=1)
    prefer: Literal["newest", "oldest", "random"] = "newest"
    accepted_only: bool = True
    iterations: int | None = Field(default=None, ge=1)
    policy_versions: int | None = Field(default=None, ge=1)
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
    def _a_share_is_of_something_limited(self) -> "SelectionSettings":
        if self.hard_share is not None and self.max_samples is None and self.max_tokens is None:
            raise ValueError("hard_share divides max_samples or max_tokens: give one of them, too")
        return self


class RetentionSettings(Settings):
    """Which rejected rollouts are kept when they are thinned: `rule` is a key of `store.rollouts.retention.RULES`."""

    rule: Literal["newest_per_problem", "newest_iterations"] = "newest_per_problem"
    keep: int = Field(default=16, ge=0)


SchedulingRule = Literal["fewest_attempts_first", "fewest_accepted_first", "by_difficulty", "uniform"]
"""A key of `store.rollouts.assignments.RULES`."""


class SourceSettings(Settings):
    """What every problem source has.

    `heldout_fraction` of its problems, by hash of their `split_key`, are held out; `split` puts all on one side.
    """

    heldout_fraction: float = Field(default=0.1, ge=0, le=1)
    split: Literal[Split.TRAIN, Split.HELDOUT] | None = None


class ReasoningGymSettings(SourceSettings):
    """One data set of reasoning-gym: `size` distinct problems, or as many as there are.

    `split_by` "operands": problems with the same numbers in any order are the same problem, which is right for plain
    arithmetic, and what those sets get by default. "question": for tasks whose words matter, as in all others.
    """

    kind: Literal["reasoning_gym"] = "reasoning_gym"
    dataset: str
    size: int = Field(default=500, ge=1)
    seed: int = Field(default=0, ge=0)
    config: dict[str, Any] = Field(default_factory=dict)
    split_by: Literal["operands", "question"] | None = None

    @model_validator(mode="after")
    def _size_and_seed_have_keys_of_their_own(self) -> "ReasoningGymSettings":
        taken = sorted({"size", "seed"} & set(self.config))
        if taken:
            raise ValueError(f"{' and '.join(taken)} belong beside `config`, not in it")
        return self


AnswerForm = Literal["plain", "gsm8k", "boxed"]
"""How the answer stands in its field: as it is, after `####`, or in the last `\\boxed{}`."""


class Columns(Settings):
    """Which field of a row holds what.

    Without `id` one is made from the question. `subject` and `level` may be absent from a row.
    """

    question: str = "question"
    answer: str = "answer"
    id: str | None = None
    subject: str = "subject"
    level: str = "level"


class TableSettings(SourceSettings):
    """What sources made of rows have.

    One bad row refuses the whole source, unless `bad_rows` is "skip". `limit` takes the first so many rows.
    """

    columns: Columns = Columns()
    answer_from: AnswerForm = "plain"
    bad_rows: Literal["refuse", "skip"] = "refuse"
    limit: int | None = Field(default=None, ge=1)


class JsonlSettings(TableSettings):
    """A file with one JSON object a line. `name` is kept as the problems' source; None: its folder's and its own."""

    kind: Literal["jsonl"] = "jsonl"
    path: str
    name: str | None = None


class ParquetSettings(TableSettings):
    """A Parquet file. `name` is kept as the problems' source; None: its folder's and its own."""

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
