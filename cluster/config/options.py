"""Settings from the options of a command."""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from cluster.config.run_config import ConfigError


def checked(settings: Any, options: Mapping[str, Any]) -> Any:
    """Validate settings (a model, or a union of models) from options; an option that is None was not given.

    Raises:
        ConfigError: a value is out of bounds; the message names the option.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return TypeAdapter(settings).validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(next(part for part in reversed(first["loc"]) if isinstance(part, str))).replace("_", "-")
        raise ConfigError(f"--{option} {first['input']}: {first['msg'].lower()}") from None
