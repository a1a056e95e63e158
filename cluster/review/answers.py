"""What requests are answered with: an item, whole or as the part of the page that changes, or that none is left."""

import secrets
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cluster.review.desk import ItemView
from cluster.review.rendering import render
from cluster.review.services import Services
from cluster.review.words import VERDICTS
from store.errors import ReviewTakenError
from store.records import ReviewOrder, ReviewVerdict
from store.reviews.leases import Wanted


def take(services: Services, request: Request, reviewer: str, wanted: Wanted, notice: str = "") -> Response:
    """The wanted item, or the page that says that none is left."""
    lease = services.store.reviews.take(reviewer, new_page(), wanted, services.settings.lease_s)
    if lease is None:
        values = {"queue": wanted.queue, "order": wanted.order, "is_beside": wanted.beside is not None}
        url = f"/next?{urlencode({'queue': wanted.queue.value, 'order': wanted.order.value})}"
        return _answer(services, request, reviewer, "empty.html", url, notice=notice, **values)
    if not is_scripted(request):
        return RedirectResponse(item_url(lease.item.id, wanted.order, lease.token), 303)
    return _item(services, request, reviewer, services.desk.leased(lease, wanted.order), lease.token, notice)


def show_item(
    services: Services,
    request: Request,
    reviewer: str,
    item_id: int,
    order: ReviewOrder,
    page: str,
    notice: str = "",
) -> Response:
    """An item by its number: to decide on, or to look at if that is not possible."""
    try:
        lease = services.store.reviews.hold(item_id, reviewer, page, services.settings.lease_s)
    except ReviewTakenError as error:
        view = services.desk.closed(item_id, reviewer, order)
        return _item(services, request, reviewer, view, page, notice or str(error))
    return _item(services, request, reviewer, services.desk.leased(lease, order), page, notice)


def after_deciding(
    services: Services, request: Request, reviewer: str, item_id: int, order: ReviewOrder, verdict: ReviewVerdict
) -> Response:
    """The first item of the queue: what is worth most by now."""
    queue = services.store.reviews.item(item_id).queue
    return take(services, request, reviewer, Wanted(queue, order), f"Stored: {VERDICTS[verdict]}")


def new_page() -> str:
    """A name for a page, which nobody else can guess."""
    return secrets.token_urlsafe(18)


def item_url(item_id: int, order: ReviewOrder, page: str) -> str:
    """The address of an item on a page."""
    return f"/items/{item_id}?{urlencode({'order': order.value, 'page': page})}"


def is_scripted(request: Request) -> bool:
    """Whether a script asks for the part of the page that changes."""
    return "hx-request" in request.headers and "hx-history-restore-request" not in request.headers


def _item(services: Services, request: Request, reviewer: str, view: ItemView, page: str, notice: str) -> Response:
    url = item_url(view.item.id, view.order, page)
    return _answer(services, request, reviewer, "item.html", url, view=view, page=page, notice=notice)


def _answer(services: Services, request: Request, reviewer: str, template: str, url: str, **values: Any) -> Response:
    """The whole page or its part, with the address that the browser is to show."""
    text = render(template, run=services.run, reviewer=reviewer, is_part=is_scripted(request), **values)
    return HTMLResponse(text, headers={"HX-Push-Url": url, "Vary": "HX-Request"})
