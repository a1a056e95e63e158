"""The request body of `POST /v1/feedback`."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from cluster.serving.api.requests.parameters import MAX_CHOICES
from store.records import Rating, is_text


def _text(value: str) -> str:
    if not is_text(value):
        raise ValueError("contains NUL or half of a surrogate pair, which cannot be stored")
    return value.strip()


class FeedbackRequest(BaseModel):
    """A rating of one choice of a completion. Sent again, it replaces the earlier one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    id: Annotated[str, Field(max_length=100), AfterValidator(_text)]
    choice: int = Field(0, ge=0, lt=MAX_CHOICES)
    rating: Literal[1, -1]
    answer: Annotated[str, Field(max_length=1000), AfterValidator(_text)] | None = None
    comment: Annotated[str, Field(max_length=4000), AfterValidator(_text)] | None = None

    def to_rating(self) -> Rating:
        """The rating that is stored. Empty texts count as unset."""
        return Rating(self.id, self.choice, self.rating, self.answer or None, self.comment or None)
