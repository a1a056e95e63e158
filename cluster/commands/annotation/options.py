"""What is to be annotated, by whom and for how much, from the options of `automathes annotate`."""

import argparse
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from actors.annotation.dialogue.prompts import load_prompt
from actors.annotation.job import JobOrder
from actors.annotation.settings import AnnotationSettings, TokenPrice
from actors.annotation.spending.budget import Limits
from cluster.config.options import checked
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import LATEST, find_run_folder
from sandbox.settings import AnswerCheckerSettings, SandboxSettings

_NAMED = (  # settings that have an option of the same name
    "model", "base_url", "calls", "solution_format", "stream", "concurrency", "samples", "temperatures", "max_blocks",
    "max_tokens", "keep",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Target:
    """The store that is annotated, and the settings that a run has for it."""

    url: str
    solution_format: str = "tir"
    sandbox: SandboxSettings = field(default_factory=SandboxSettings)
    answer_checker: AnswerCheckerSettings = field(default_factory=AnswerCheckerSettings)


def find_target(arguments: argparse.Namespace) -> Target:
    """The store that the options name, or that of a run.

    Raises:
        ConfigError: there is no such run, or both were named.
    """
    if arguments.store is not None:
        if arguments.run is not None:
            raise ConfigError("--store names a store and --run the one of a run: omit one of them")
        return Target(arguments.store)
    if arguments.run is None and not (arguments.runs / LATEST).is_dir():
        raise ConfigError(
            f"there is no run in {arguments.runs}/ yet: name the store whose problems are to be annotated "
            "(--store sqlite:///problems.db), or the folder of a run (--run FOLDER)"
        )
    folder = find_run_folder(arguments.runs, arguments.run)
    config = folder.read_config()
    return Target(folder.store_url(config), config.sampler.solution_format, config.sandbox, config.answer_checker)


def make_order(arguments: argparse.Namespace, solution_format: str) -> JobOrder:
    """What a teacher of `automathes annotate` is to do.

    Raises:
        ConfigError: an option or a setting is out of bounds, or price or budget are missing.
        PromptError: the prompt or the examples cannot be used.
    """
    settings = teacher_settings(arguments, {"solution_format": solution_format})
    price, limits = spending_limits(arguments, settings)
    prompt = load_prompt(settings, arguments.prompt, arguments.examples)
    return JobOrder(settings, prompt, price, limits, arguments.batch)


def spending_limits(arguments: argparse.Namespace, settings: AnnotationSettings) -> tuple[TokenPrice, Limits]:
    """What the teacher's tokens cost, and the most that may be spent. Raises ConfigError if either is missing."""
    price = _price(arguments.price, settings)
    limits = Limits(_dollars(arguments.budget), arguments.budget_tokens)
    if limits.dollars is None and (price.input or price.output):
        raise ConfigError(
            f"tokens of {settings.model} cost money: set the most that may be spent, such as --budget 20 (dollars)"
        )
    return price, limits


def teacher_settings(arguments: argparse.Namespace, defaults: dict[str, Any]) -> AnnotationSettings:
    """The teacher, and how it is asked, by the options and the file of `--config`. Raises ConfigError."""
    options = defaults | _file(arguments.config)
    options |= {name: value for name in _NAMED if (value := getattr(arguments, name, None)) is not None}
    if "model" not in options:
        raise ConfigError("which teacher? Name its model, such as --model gpt-4.1, or `model` in the file of --config")
    settings: AnnotationSettings = checked(AnnotationSettings, options)
    return settings


def _file(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"--config {path}: {error}") from error


def _price(text: str | None, settings: AnnotationSettings) -> TokenPrice:
    """The price of `--price`, or of the model in the settings."""
    if text is not None:
        amounts = [_amount("--price", word, "2.50,10") for word in text.split(",")]
        if len(amounts) != 2:
            raise ConfigError(f"--price {text}: write it as INPUT,OUTPUT, such as 2.50,10")
        return TokenPrice(input=amounts[0], output=amounts[1])
    if settings.model not in settings.prices:
        raise ConfigError(
            f"there is no price for {settings.model}: add --price INPUT,OUTPUT in dollars per million tokens (0,0 for "
            f'a server of your own), or a table [prices."{settings.model}"] to the file of --config'
        )
    return settings.prices[settings.model]


def _dollars(text: str | None) -> Decimal | None:
    return None if text is None else _amount("--budget", text, "20")


def _amount(option: str, text: str, example: str) -> Decimal:
    try:
        amount = Decimal(text.strip().removeprefix("$"))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise ConfigError(f"{option} {text}: not an amount of dollars, such as {example}")
    return amount
