"""Load a run's configuration: a preset, a TOML file on top of it, `--set` overrides on top of both."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from cluster.config.renamed import renamed_key, upgrade
from cluster.config.run_config import ConfigError, RunConfig
from store.database.urls import holds_secret

PRESETS = ("demo", "smollm2", "7b")


def load_config(preset: str | None, path: Path | None, overrides: list[str]) -> RunConfig:
    """Load a configuration from a preset, a TOML file on top of it, and `a.b=c` overrides on top of both.

    A file may name the preset it builds on (`preset = "demo"`).

    Raises:
        ConfigError: a preset, file, key or value is wrong, or the store's URL holds a password.
    """
    tree = _read_toml(path) if path is not None else {}
    preset = preset or tree.get("preset")
    if preset is None and path is None:
        raise ConfigError(f"name a preset (--preset {'|'.join(PRESETS)}) or a configuration file (--config FILE)")
    merged = _merge(_read_preset(preset), tree) if preset is not None else tree
    for override in overrides:
        _override(merged, override)
    where = str(path or f"preset {preset}")
    if (renamed := renamed_key(merged)) is not None:
        raise ConfigError(f"{where}: {renamed}")
    _spread_seed(merged)
    config = validate(merged, where)
    _require_no_secret(config)
    return config


def load_own_config(path: Path, overrides: list[str]) -> RunConfig:
    """Load the configuration that a run wrote, perhaps an earlier version of this program, with overrides on top.

    Raises:
        ConfigError: a key or value is wrong, or an override is a URL of the store with a password.
    """
    tree = upgrade(_read_toml(path))
    for override in overrides:
        _override(tree, override)
    if (renamed := renamed_key(tree)) is not None:
        raise ConfigError(f"--set: {renamed}")
    config = validate(tree, where=str(path))
    if any(override.partition("=")[0].strip() in ("store", "store.url") for override in overrides):
        _require_no_secret(config)
    return config


def _require_no_secret(config: RunConfig) -> None:
    """Refuse a password in the store's URL. Runs of earlier versions have some in theirs, and still resume."""
    if config.store.url is not None and holds_secret(config.store.url):
        raise ConfigError(
            "store.url must not hold a password: it would be seen in the list of processes, the shell's history and "
            "the run's config.toml. Write postgresql://user@host/database, and put the password into ~/.pgpass or "
            "the variable PGPASSWORD on each machine of the run"
        )


def validate(tree: dict[str, Any], where: str) -> RunConfig:
    """Validate a configuration; `where` names its source in messages.

    Raises:
        ConfigError: names the first wrong key.
    """
    try:
        return RunConfig.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{where}: {_first_error(error)}") from None


def to_toml(config: RunConfig) -> str:
    """The resolved configuration as TOML. `load_config` reads it back to an equal one."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def without_secrets(config: RunConfig, masked_url: str) -> RunConfig:
    """The configuration to show to others: with the store's URL as `Store.masked_url` has it.

    Only runs of earlier versions have a password there; no other setting may hold a secret.
    """
    return config.model_copy(update={"store": config.store.model_copy(update={"url": masked_url})})


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
    """Merge tables key by key, unless their `kind` differs; replace everything else."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        same_kind = (
            isinstance(old, dict) and isinstance(value, dict) and old.get("kind") == value.get("kind", old.get("kind"))
        )
        merged[key] = _merge(old, value) if same_kind else value  # type: ignore[arg-type]
    return merged


# ---------------------------------------------------------------- overrides


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


def _child(node: Any, part: str) -> Any:
    if not isinstance(node, dict):
        return None
    child = node.setdefault(part, {})
    return child if isinstance(child, dict | list) else None


def _value(text: str) -> Any:
    """Parse a TOML value. Anything else is a plain string, so that `--set base.path=folder` needs no quotes."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


# ---------------------------------------------------------------- seeds and errors


def _spread_seed(tree: dict[str, Any]) -> None:
    """Give the run's seed to every part that does not set its own. Each problem source gets a different one."""
    seed = tree.get("seed", 0)
    if not isinstance(seed, int):
        return  # validation reports it
    parts = [tree.setdefault(name, {}) for name in ("learner", "selection", "value", "sampler")]
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


def _first_error(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return f"key {key!r} does not exist{more}"
    given = f", not {first['input']!r}" if not isinstance(first["input"], dict | list) else ""
    message = first["msg"].removeprefix("Value error, ")
    return f"{key}: {message}{given}{more}" if key else f"{message}{more}"
