"""The scales of a reproduction: from a policy of half a million parameters, in minutes, to the paper's own 7B."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from cluster.config.run_config import ConfigError

type Arguments = tuple[str, ...]

_NO_PRICE = ("price", "0,0")
PAPER_BENCHMARKS = ("gsm8k", "math", "ocw", "gaokao2023en")


@dataclass(frozen=True, slots=True)
class TeacherChoice:
    """Who writes the solutions to begin with: a server, our scripted one if `base_url` is None, or a file of them.

    `problems` limits how many are annotated. `price` is in dollars per million tokens of prompts and of answers.
    """

    model: str | None = None
    base_url: str | None = None
    price: str = "0,0"
    budget: str | None = None
    budget_tokens: int | None = None
    problems: int | None = None
    demonstrations: Path | None = None

    def settings(self) -> dict[str, Any]:
        """What decides on the annotation."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Scale:
    """What a reproduction does, and how much of it.

    `problems` has the arguments of each import. `settings` are added to the preset. `minutes` are those of each stage
    on two cores, where they are known.
    """

    name: str
    about: str
    preset: str
    problems: tuple[Arguments, ...]
    teacher: TeacherChoice
    iterations: int
    samples: int
    solution_format: str = "tir"
    settings: Mapping[str, Any] = field(default_factory=dict)
    benchmarks: tuple[str, ...] = ()
    benchmark_problems: int | None = None
    data: Path | None = None
    minutes: Mapping[str, float] = field(default_factory=dict)


def _generated(name: str, *config: str) -> Arguments:
    options = [word for one in config for word in ("--config", one)]
    return (name, "--from", "reasoning_gym", "--size", "900", *options, "--heldout-fraction", "0.2")


TINY = Scale(
    name="tiny",
    about="the demo's policy on five kinds of generated arithmetic, with a scripted teacher behind a local server",
    preset="demo",
    problems=(
        _generated("products", "min_digits=1", "max_digits=2"),
        _generated("chain_sum", "min_terms=2", "max_terms=3", "min_digits=1", "max_digits=2"),
        _generated("gcd", "max_value=99"),
        _generated("lcm", "max_value=99"),
        _generated("count_bits", "max_n=999"),
    ),
    teacher=TeacherChoice(problems=300, budget_tokens=5_000_000),
    iterations=2,
    samples=8,
    settings={"ray": {"dashboard": False}},
    minutes={"problems": 0.5, "annotation": 1, "training": 4, "evaluation": 1, "value": 3},
)

SMALL = Scale(
    name="small",
    about="SmolLM2-135M on GSM8K's word problems, with your teacher or written demonstrations",
    preset="smollm2",
    problems=(("openai/gsm8k", "--from", "huggingface", "--config", "main", "--layout", "gsm8k"),),
    teacher=TeacherChoice(problems=1500, budget="10"),
    iterations=2,
    samples=8,
    settings={"ray": {"dashboard": False}},
    benchmarks=("gsm8k", "svamp"),
    benchmark_problems=200,
    minutes={"problems": 1, "training": 90, "evaluation": 20, "value": 30, "benchmarks": 15},
)

FULL = Scale(
    name="full",
    about="a 7B on GSM8K and MATH, with a strong teacher, as in the paper",
    preset="7b",
    problems=(
        ("openai/gsm8k", "--from", "huggingface", "--config", "main", "--layout", "gsm8k"),
        ("DigitalLearningGmbH/MATH-lighteval", "--from", "huggingface", "--layout", "math", "--bad-rows", "skip"),
    ),
    teacher=TeacherChoice(budget="1000"),
    iterations=3,
    samples=20,
    solution_format="mario_html",
    settings={"base": {"kind": "huggingface", "name": "EleutherAI/llemma_7b"}},
    benchmarks=PAPER_BENCHMARKS,
)

SCALES = {scale.name: scale for scale in (TINY, SMALL, FULL)}


def with_teacher(scale: Scale, chosen: TeacherChoice) -> Scale:
    """A scale with the teacher that the user names; what it leaves open is the scale's own.

    Raises:
        ConfigError: the scale needs a teacher, and none is named; or both a server and a file are.
    """
    if chosen.demonstrations is not None and chosen.base_url is not None:
        raise ConfigError("--demonstrations and --teacher-url: name one teacher")
    if chosen.base_url is None and chosen.demonstrations is None and scale.name != "tiny":
        raise ConfigError(
            f"--scale {scale.name} needs a teacher: --teacher-url URL --teacher-model NAME --price INPUT,OUTPUT, or "
            "written solutions with --demonstrations FILE"
        )
    if chosen.base_url is not None and chosen.model is None:
        raise ConfigError("--teacher-url: name its model with --teacher-model")
    named = {name: value for name, value in asdict(chosen).items() if value is not None and (name, value) != _NO_PRICE}
    return replace(scale, teacher=replace(scale.teacher, **named))


def with_data(scale: Scale, data: Path | None) -> Scale:
    """A scale whose problems are read from the files in a folder, such as `gsm8k/train.jsonl`, instead of the Hub.

    Raises:
        ConfigError: a file is missing.
    """
    if data is None or scale.name == "tiny":
        return scale
    names = ("gsm8k",) if scale.name == "small" else ("gsm8k", "math")
    files = [_training_file(data, name) for name in names]
    return replace(
        scale, data=data, problems=tuple((str(file), "--name", name) for file, name in zip(files, names, strict=True))
    )


def _training_file(data: Path, name: str) -> Path:
    for suffix in ("jsonl", "parquet", "json", "csv"):
        file = data / name / f"train.{suffix}"
        if file.is_file():
            return file
    raise ConfigError(f"--data {data}: there is no {name}/train.jsonl (or .parquet, .json, .csv) in it")
