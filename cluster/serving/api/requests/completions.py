"""The request body of `POST /v1/completions`: text or tokens to continue, without the interpreter."""

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from cluster.serving.api.requests.parameters import SamplingRequest, encodable

DEFAULT_TOKENS = 16  # OpenAI's
MAX_PROMPTS = 64
MAX_BEST_OF = 64
MAX_LOGPROBS = 5  # OpenAI's

Prompt = Annotated[str, AfterValidator(encodable)] | list[Annotated[int, Field(ge=0)]]


def _as_list(prompt: Any) -> Any:
    """One prompt, a text or a list of ids, as a list of one."""
    is_one = isinstance(prompt, str) or (isinstance(prompt, list) and prompt and isinstance(prompt[0], int))
    return [prompt] if is_one else prompt


class CompletionRequest(SamplingRequest):
    """A request to continue prompts, each `n` times. A choice's index counts through the prompts in turn."""

    prompt: Annotated[list[Prompt], BeforeValidator(_as_list)] = Field(min_length=1, max_length=MAX_PROMPTS)
    logprobs: int | None = Field(None, ge=0, le=MAX_LOGPROBS)
    best_of: int | None = Field(None, ge=1, le=MAX_BEST_OF)

    @field_validator("best_of")
    @classmethod
    def _is_more_than_sent(cls, best_of: int | None, info: ValidationInfo) -> int | None:
        if best_of is not None and best_of < info.data.get("n", 1):
            raise ValueError("must not be below n")
        if best_of is not None and best_of > info.data.get("n", 1) and info.data.get("stream"):
            raise ValueError("not with stream: true: which one is best is known at the end")
        return best_of

    @property
    def count(self) -> int:
        """The continuations of each prompt to make, of which the `n` most probable ones are sent."""
        return self.best_of or self.n
