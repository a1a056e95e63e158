"""Settings of problem sources: one class for each kind, and the fields of their rows."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from store.records import Split, TemplateTwins
from store.settings.base import Settings


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


AnswerForm = Literal["plain", "gsm8k", "boxed", "sentence", "auto"]
"""How a field holds the answer: as is, after the last `####`, in the last `\\boxed{}`, or after the last
"The answer is:" ("sentence"). "auto": the last box, else what follows the last `####`, else the field as it is.
"""

LayoutName = Literal["verl", "dapo", "trl", "openr1", "numinamath", "deepscaler", "math", "gsm8k", "metamath"]
"""A key of `store.problems.sources.rows.layouts.LAYOUTS`."""


class Columns(Settings):
    """The names of a row's fields. Without a name, it is that of the layout.

    Without `id`, one is generated from the question. Rows may lack `subject` and `level`. A name with dots is that of a
    nested field, such as `reward_model.ground_truth`. A question that is a list of chat messages is the last one of
    the user.
    """

    question: str | None = Field(default=None, description='without a layout, "question"')
    answer: str | None = Field(default=None, description='without a layout, "answer"')
    id: str | None = None
    subject: str | None = Field(default=None, description='without a layout, "subject"')
    level: str | None = Field(default=None, description='without a layout, "level"')


class TableSettings(SourceSettings):
    """Settings of sources that consist of rows.

    `layout` names the data set whose fields the rows have; "auto" finds it by the first row. Without one, a layout is
    found only if neither `columns` nor `answer_from` are set and the first row cannot be read without it. `columns` and
    `answer_from` override single fields of a layout.

    One bad row rejects the whole source, unless `bad_rows` is "skip". `limit` reads only the first rows.

    `multiple_choice` "leave_out": problems that list choices and whose label is the letter of one are left out, since a
    guess is right once in a few.

    `derived`: rows that name the question that they were made of follow it to its side of the held-out line. "train":
    they are trained on with the label of the row. "candidate": only once attempts confirm it (`docs/augmentation.md`).

    `template_twins`: what becomes of a training problem that is a held-out one with other numbers or names, if either
    of them is from this source. "train" suits generated problems, which are all twins of one another.
    """

    layout: LayoutName | Literal["auto"] | None = None
    columns: Columns = Columns()
    answer_from: AnswerForm | None = Field(default=None, description='without a layout, "plain"')
    bad_rows: Literal["refuse", "skip"] = "refuse"
    multiple_choice: Literal["keep", "leave_out"] = "keep"
    derived: Literal[Split.TRAIN, Split.CANDIDATE] = Split.TRAIN
    template_twins: TemplateTwins = "leave_out"
    limit: int | None = Field(default=None, ge=1)


class FileSettings(TableSettings):
    """A file of rows. `name` is stored as the problems' source; None: folder and file name."""

    path: str
    name: str | None = None


class JsonlSettings(FileSettings):
    """A file with one JSON object per line."""

    kind: Literal["jsonl"] = "jsonl"


class JsonSettings(FileSettings):
    """A file with a JSON list of objects, or with one object per line."""

    kind: Literal["json"] = "json"


class CsvSettings(FileSettings):
    """A file with a header, and fields that commas, semicolons or tabs separate: whichever the header has most of."""

    kind: Literal["csv"] = "csv"


class ParquetSettings(FileSettings):
    """A Parquet file."""

    kind: Literal["parquet"] = "parquet"


class ArrowSettings(FileSettings):
    """A file in Arrow's IPC format (also called Feather) or its stream format, which `datasets` writes."""

    kind: Literal["arrow"] = "arrow"


class HuggingFaceSettings(TableSettings):
    """A data set of the Hugging Face hub, or a local folder of one, e.g. openai/gsm8k with config main.

    The folder has files that `datasets` loads, such as train.jsonl and test.parquet, or was written by `save_to_disk`.
    """

    kind: Literal["huggingface"] = "huggingface"
    dataset: str
    config: str | None = None
    dataset_split: str = "train"
    revision: str | None = None


ProblemSourceSettings = Annotated[
    ReasoningGymSettings
    | JsonlSettings
    | JsonSettings
    | CsvSettings
    | ParquetSettings
    | ArrowSettings
    | HuggingFaceSettings,
    Field(discriminator="kind"),
]
