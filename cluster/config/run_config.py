"""The root configuration: every room's settings in one tree, read from TOML, checked before heavy imports."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from actors.settings import SamplerSettings, TeacherSettings
from learner.bases import Base
from learner.settings import LearnerSettings
from sandbox.settings import AnswerCheckerSettings, SandboxSettings
from store.records import Sampling
from store.settings import ProblemSourceSettings, RetentionSettings, SchedulingRule, SelectionSettings, StoreSettings

PRESETS = ("demo", "smollm2", "7b")


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the key, what was wrong and what would be right."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class IterationSettings(_Settings):
    """What happens between two publications."""

    count: int = Field(3, ge=0, description="iterations of self-training behind the warm start")
    problems: int = Field(700, ge=1, description="problems attempted in an iteration")
    samples_per_problem: int = Field(4, ge=1)
    temperature: float = Field(0.8, ge=0, le=2)
    top_p: float = Field(1.0, gt=0, le=1)
    scheduling: SchedulingRule = Field("fewest_attempts_first", description="which problems come first")
    overlap: bool = Field(False, description="go on sampling with the old policy while the learner trains")
    from_base: bool = Field(False, description="train every policy from the base instead of from the one before")


class EvaluationSettings(_Settings):
    """How a policy is measured on the held-out problems before it may be promoted."""

    problems: int = Field(400, ge=1, description="held-out problems")
    base: bool = Field(True, description="measure the base policy too, before anything is trained")
    sampled: int = Field(0, ge=0, description="attempts a problem for pass@k and maj@k; 0 leaves them out")
    temperature: float = Field(0.8, gt=0, le=2)
    tolerance: float = Field(0.0, ge=0, le=1, description="a policy this much below the promoted one is promoted still")


class RaySettings(_Settings):
    """The Ray cluster."""

    address: str | None = Field(None, description="of a running cluster ('auto' finds it); without it Ray starts here")
    dashboard: bool = True
    dashboard_port: int = Field(8265, ge=0, le=65535)
    start_timeout_s: float = Field(600.0, gt=0, description="for samplers and learner ranks to be placed and ready")
    stall_timeout_s: float = Field(900.0, gt=0, description="without a new rollout the run ends instead of hanging")
    sampler_silence_s: float = Field(
        300.0, gt=0, description="a sampler that lives but has not answered for so long is killed and started again"
    )
    max_sampler_restarts: int = Field(20, ge=0)


class RunConfig(_Settings):
    """Everything that makes a run."""

    preset: str | None = None
    seed: int = Field(0, ge=0)
    base: Base
    problems: list[ProblemSourceSettings] = Field(min_length=1)
    teacher: TeacherSettings | None = Field(None, description="who writes the warm start; without it there is none")
    store: StoreSettings = StoreSettings()
    sampler: SamplerSettings = SamplerSettings()
    sandbox: SandboxSettings = SandboxSettings()
    answer_checker: AnswerCheckerSettings = AnswerCheckerSettings()
    learner: LearnerSettings = LearnerSettings()
    selection: SelectionSettings = SelectionSettings()
    retention: RetentionSettings | None = Field(
        None, description="thins rejected rollouts behind each iteration; without it all are kept"
    )
    iteration: IterationSettings = IterationSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    ray: RaySettings = RaySettings()
    mode: Literal["self_training", "demonstrations_only"] = Field(
        "self_training",
        description="'demonstrations_only' is the control: as many steps, on the warm start's data alone",
    )

    def evaluation_sampling(self, temperature: float) -> Sampling:
        """How measurements sample at a temperature: as iterations do, or greedily at 0."""
        return Sampling(temperature, self.iteration.top_p if temperature else 1.0)

    @model_validator(mode="after")
    def _fits_together(self) -> "RunConfig":
        engine, limits = self.sampler.engine, self.sampler.limits
        if limits.max_tokens >= engine.max_model_len:
            raise ValueError(
                f"sampler.limits.max_tokens ({limits.max_tokens}) must be below sampler.engine.max_model_len "
                f"({engine.max_model_len}), which holds the prompt too"
            )
        if self.mode == "demonstrations_only" and self.teacher is None:
            raise ValueError("mode 'demonstrations_only' needs a teacher")
        return self


def load_config(preset: str | None, path: Path | None, overrides: list[str]) -> RunConfig:
    """The configuration from a preset, a TOML file on top of it, and `a.b=c` overrides on top of both.

    A file may name the preset it builds on (`preset = "demo"`).

    Raises:
        ConfigError: a preset, file, key or value is wrong.
    """
    tree = _read_toml(path) if path is not None else {}
    preset = preset or tree.get("preset")
    if preset is None and path is None:
        raise ConfigError(f"name a preset (--preset {'|'.join(PRESETS)}) or a configuration file (--config FILE)")
    merged = _merge(_read_preset(preset), tree) if preset is not None else tree
    for override in overrides:
        _override(merged, override)
    _spread_seed(merged)
    return validate(merged, where=str(path or f"preset {preset}"))


def validate(tree: dict[str, Any], where: str) -> RunConfig:
    """The checked configuration.

    Raises:
        ConfigError: names the first wrong key.
    """
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_error(error)}") from None


def to_toml(config: RunConfig) -> str:
    """The resolved configuration, which `load_config` reads back to an equal one."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def _read_preset(name: str) -> dict[str, Any]:
    if name not in PRESETS:
        raise ConfigError(f"preset {name!r} does not exist: choose one of {', '.join(PRESETS)}")
    text = resources.files("cluster.config").joinpath("presets", f"{name}.toml").read_text(encoding="utf-8")
    return {"preset": name, **tomllib.loads(text)}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"configuration {path} does not exist") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"configuration {path} cannot be read: {error}") from None


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Tables merge key by key, except where they are of another `kind`; anything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        same_kind = (
            isinstance(old, dict) and isinstance(value, dict) and old.get("kind") == value.get("kind", old.get("kind"))
        )
        merged[key] = _merge(old, value) if same_kind else value  # type: ignore[arg-type]
    return merged


def _override(tree: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    path = key.strip().split(".")
    if not separator or not all(path):
        raise ConfigError(f"--set {override!r}: write it as a.b=value")
    node: Any = tree
    for part in path[:-1]:
        node = (
            node[int(part)]
            if isinstance(node, list) and part.isdigit() and int(part) < len(node)
            else _child(node, part)
        )
        if node is None:
            raise ConfigError(f"--set {key.strip()}: {part!r} is not a table")
    if isinstance(node, list):
        raise ConfigError(f"--set {key.strip()}: give the position in the list, as in problems.0.size=10")
    node[path[-1]] = _value(text.strip())


def _spread_seed(tree: dict[str, Any]) -> None:
    """The run's seed goes to every part that has one and was not given its own; each problem source gets another."""
    seed = tree.get("seed", 0)
    if not isinstance(seed, int):
        return  # the validation will say so
    parts = [tree.setdefault(name, {}) for name in ("learner", "selection", "sampler")]
    sampler = parts.pop()
    if isinstance(sampler, dict):
        parts.append(sampler.setdefault("engine", {}))
    base = tree.get("base")
    if isinstance(base, dict) and base.get("kind") == "tiny_llama":
        parts.append(base)
    for part in parts:
        if isinstance(part, dict):
            part.setdefault("seed", seed)
    sources = tree.get("problems")
    for position, source in enumerate(sources if isinstance(sources, list) else []):
        if isinstance(source, dict) and source.get("kind") == "reasoning_gym":
            source.setdefault("seed", 1000 * seed + position)


def _child(node: Any, part: str) -> Any:
    if not isinstance(node, dict):
        return None
    child = node.setdefault(part, {})
    return child if isinstance(child, dict | list) else None


def _value(text: str) -> Any:
    """TOML's reading of a value; what is none is a plain string, so that `--set base.path=folder` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _first_error(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"key {key!r} does not exist{more}"
    given = f", not {first['input']!r}" if not isinstance(first["input"], dict | list) else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message}{given}{more}" if key else f"{message}{more}"
