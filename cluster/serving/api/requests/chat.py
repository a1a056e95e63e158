"""The request body of `POST /v1/chat/completions`."""

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from actors.formats import SolutionFormat
from actors.rollouts.conversation import Conversation, Role
from actors.rollouts.conversation import Message as Turn
from cluster.serving.api.requests.parameters import SamplingRequest, encodable
from cluster.serving.api.requests.tools import Tool, ToolCall

MAX_ATTEMPTS = 64
MAX_TOP_LOGPROBS = 20

_INSTRUCTIONS = ("system", "developer")
_ROLES = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
    "tool": Role.TOOL,
    "function": Role.TOOL,
}


def _as_text(content: Any) -> Any:
    """Join OpenAI's list of text parts. Null content, as in an assistant's tool call, becomes the empty text."""
    if content is None:
        return ""
    if not isinstance(content, list):
        return content
    if not all(isinstance(part, dict) and part.get("type") == "text" for part in content):
        raise ValueError('only text is supported: a string, or a list of {"type": "text", "text": ...}')
    return "".join(str(part.get("text", "")) for part in content)


class Message(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(strict=True)  # other keys, such as a name, are ignored

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[str, BeforeValidator(_as_text), AfterValidator(encodable)] = ""
    tool_calls: list[ToolCall] | None = None

    def text(self, solution_format: SolutionFormat) -> str:
        """The content, with the code of its calls as the policy wrote it."""
        calls = (solution_format.fenced(call.function.code) for call in self.tool_calls or ())
        return "".join((self.content, *calls))


class JsonSchema(BaseModel):
    """A schema, named as in OpenAI's API."""

    model_config = ConfigDict(strict=True)

    definition: dict[str, Any] = Field(alias="schema")


class ResponseFormat(BaseModel):
    """The form of a message: text, any JSON object, or JSON that fits a schema."""

    model_config = ConfigDict(strict=True)

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = Field(None, validate_default=True)

    @field_validator("json_schema")
    @classmethod
    def _is_given(cls, schema: JsonSchema | None, info: ValidationInfo) -> JsonSchema | None:
        if info.data.get("type") == "json_schema" and schema is None:
            raise ValueError("is missing")
        return schema

    @property
    def schema_text(self) -> str | None:
        """The schema as JSON, None for text."""
        if self.type == "text":
            return None
        return json.dumps({"type": "object"} if self.json_schema is None else self.json_schema.definition)


class SolvingOptions(BaseModel):
    """What OpenAI's API has no parameter for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    content: Literal["interleaved", "answer"] = Field(
        "interleaved", description="'answer': the message has the answer alone"
    )
    majority_of: int | None = Field(
        None, ge=2, le=MAX_ATTEMPTS, description="attempts; one with the most frequent answer is returned"
    )
    best_of: int | None = Field(
        None, ge=2, le=MAX_ATTEMPTS, description="attempts; the best one with an answer is returned"
    )
    rank_by: Literal["value", "probability"] | None = Field(
        None,
        description="what is best; a server with a value model ranks by it if this is unset and there is no stop text",
    )

    @field_validator("best_of")
    @classmethod
    def _is_alone(cls, best_of: int | None, info: ValidationInfo) -> int | None:
        if best_of is not None and info.data.get("majority_of") is not None:
            raise ValueError("not together with majority_of")
        return best_of

    @field_validator("rank_by")
    @classmethod
    def _ranks_attempts(cls, rank_by: str | None, info: ValidationInfo) -> str | None:
        if rank_by is not None and not (info.data.get("majority_of") or info.data.get("best_of")):
            raise ValueError("only with majority_of or best_of")
        return rank_by

    @property
    def attempts(self) -> int | None:
        """The attempts of which one is returned, None without a choice."""
        return self.majority_of or self.best_of


class ChatRequest(SamplingRequest):
    """A request for solutions to the last question of a conversation."""

    unset_if_empty = (
        *SamplingRequest.unset_if_empty,
        "logprobs",
        "top_logprobs",
        "response_format",
        "tools",
        "tool_choice",
        "automathes",
    )

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=MAX_TOP_LOGPROBS)
    response_format: ResponseFormat = ResponseFormat(type="text")
    tools: list[Tool] = Field([], max_length=1)
    tool_choice: Literal["none", "auto"] = "auto"
    automathes: SolvingOptions = SolvingOptions()
    store: bool = Field(True, description="false: a server that collects does not keep this completion")

    @field_validator("messages")
    @classmethod
    def _are_a_conversation(cls, messages: list[Message]) -> list[Message]:
        spoken = [message for message in messages if message.role not in _INSTRUCTIONS]
        if not any(message.role == "user" and message.content.strip() for message in spoken):
            raise ValueError("must contain a message with role 'user' and a text, which is the question")
        if spoken[0].role != "user":
            raise ValueError(f"must begin with the user's, after instructions, not with role {spoken[0].role!r}")
        if spoken[-1].role == "assistant":
            raise ValueError("must end with the user's, or with a tool's, not with the assistant's")
        return messages

    @field_validator("top_logprobs")
    @classmethod
    def _needs_logprobs(cls, top: int | None, info: ValidationInfo) -> int | None:
        if top and not info.data.get("logprobs"):
            raise ValueError("only allowed with logprobs: true")
        return top

    @model_validator(mode="after")
    def _fits_together(self) -> "ChatRequest":
        if self.automathes.attempts and (self.n > 1 or self.calls_tools or self.writes_json):
            raise ValueError("automathes.majority_of and best_of: not with n above 1, tools or a response_format")
        if self.automathes.rank_by == "value" and self.stop:
            raise ValueError("automathes.rank_by: a value model scores whole solutions, so not 'value' with stop")
        if self.writes_json and self.calls_tools:
            raise ValueError("response_format: not with tools")
        return self

    @property
    def calls_tools(self) -> bool:
        """Whether the client runs the code."""
        return bool(self.tools) and self.tool_choice == "auto"

    @property
    def writes_json(self) -> bool:
        """Whether the message is JSON."""
        return self.response_format.schema_text is not None

    def ranks_by_value(self, *, available: bool) -> bool:
        """Whether attempts are ranked by a value model, where one is available or not."""
        options = self.automathes
        if options.attempts is None:
            return False
        return options.rank_by == "value" or (options.rank_by is None and available and not self.stop)

    @property
    def count(self) -> int:
        """The solutions to make."""
        return self.automathes.attempts or self.n

    def conversation(self, solution_format: SolutionFormat) -> Conversation:
        """The messages as the policy is to read them."""
        return tuple(Turn(_ROLES[message.role], message.text(solution_format)) for message in self.messages)

    @property
    def limit(self) -> tuple[str, int] | None:
        """The parameter that limits the tokens, and its value, if one is set."""
        if self.max_completion_tokens is not None:
            return "max_completion_tokens", self.max_completion_tokens
        return ("max_tokens", self.max_tokens) if self.max_tokens is not None else None
