"""A stage of a reproduction: the commands that it consists of, and what it is made from."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

type Results = Mapping[str, Any]
"""What the commands so far have printed as JSON, by the name of the step."""


def _alone(_: Results) -> AbstractContextManager[object]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Step:
    """A command of `automathes`. `arguments` may depend on the results of earlier steps.

    `result` says how its standard output is kept: the JSON object that it prints, its text, or not at all.
    """

    name: str
    arguments: Callable[[Results], list[str]]
    result: str = "json"


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that are done together.

    Attributes:
        name: As `--from` names it.
        about: What it does, for people.
        paper: What the paper does in its place.
        steps: In their order.
        settings: What decides on its result besides the stages before it. If this changes, the stage is done again.
        beside: A context that its steps run in, such as a server's.
        estimate_minutes: How long it takes on two cores; None if that depends on the machines.
    """

    name: str
    about: str
    paper: str
    steps: tuple[Step, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    beside: Callable[[Results], AbstractContextManager[object]] = _alone
    estimate_minutes: float | None = None


def fixed(*arguments: str) -> Callable[[Results], list[str]]:
    """Arguments that depend on nothing."""
    return lambda _: list(arguments)
