"""What the routes use: the parts of the application, and who and what a request is from."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from cluster.report.forms import read_form
from cluster.review.desk import Desk
from cluster.review.editing import Workshop
from cluster.review.gate import REVIEWER
from store.reviews.settings import ReviewSettings
from store.store import Store

_MOST_FORM_BYTES = 400_000


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the application of a run."""

    run: str
    store: Store
    desk: Desk
    workshop: Workshop
    settings: ReviewSettings


def _reviewer_of(request: Request) -> str:
    return str(request.scope[REVIEWER])


async def _form_of(request: Request) -> dict[str, str]:
    return await read_form(request, _MOST_FORM_BYTES)


Reviewer = Annotated[str, Depends(_reviewer_of)]
"""The reviewer who sent a request."""

Form = Annotated[dict[str, str], Depends(_form_of)]
"""The form that a request carries."""
