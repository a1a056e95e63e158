"""The tool that clients can run by themselves: Python, as a function in OpenAI's form."""

import json
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, field_validator

from cluster.serving.api.requests.parameters import encodable

TOOL_NAME = "python"
_PARAMETER = "code"


class Function(BaseModel):
    """The description of a function. Only its name and its parameter's matter: the policy was trained with code."""

    model_config = ConfigDict(strict=True)

    name: str
    parameters: dict[str, Any] = {}

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name != TOOL_NAME:
            raise ValueError(f"only {TOOL_NAME!r} is known, which runs code")
        return name

    @property
    def parameter(self) -> str:
        """The name of the parameter that takes the code."""
        properties = self.parameters.get("properties")
        names = list(properties) if isinstance(properties, dict) else []
        return names[0] if len(names) == 1 else _PARAMETER


class Tool(BaseModel):
    """One entry of `tools`."""

    model_config = ConfigDict(strict=True)

    type: Literal["function"]
    function: Function


class CalledFunction(BaseModel):
    """A function with the arguments of a call, which are JSON."""

    model_config = ConfigDict(strict=True)

    name: str
    arguments: str

    @property
    def code(self) -> str:
        """The code that was called."""
        return str(next(iter(json.loads(self.arguments).values())))

    @field_validator("arguments")
    @classmethod
    def _has_code(cls, arguments: str) -> str:
        try:
            values = json.loads(arguments)
        except ValueError:
            values = None
        if not isinstance(values, dict) or len(values) != 1 or not isinstance(next(iter(values.values())), str):
            raise ValueError(f'must be a JSON object with the code alone: {{"{_PARAMETER}": "..."}}')
        return encodable(arguments)


class ToolCall(BaseModel):
    """A call in an earlier message of the assistant."""

    model_config = ConfigDict(strict=True)  # its id and its type are ignored

    function: CalledFunction
