"""The pages: the queues, their items, deciding and undoing, and the history."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cluster.review.answers import after_deciding, is_scripted, item_url, new_page, show_item, take
from cluster.review.form_fields import note_in, order_in, page_in, verdict_in
from cluster.review.identity import Identities
from cluster.review.rendering import render
from cluster.review.services import Form, Reviewer, Services
from cluster.review.words import VERDICTS
from store.errors import ReviewTakenError
from store.records import ReviewOrder, ReviewQueue
from store.reviews.decisions import NewDecision
from store.reviews.leases import Wanted


def overview_routes(services: Services, identities: Identities) -> APIRouter:
    """The routes of the first page and of the history."""
    router = APIRouter()
    may_sign_out = identities.admission.default_name is None

    @router.get("/")
    def home(reviewer: Reviewer) -> Response:
        view = services.desk.home(reviewer)
        page = render("home.html", run=services.run, reviewer=reviewer, view=view, may_sign_out=may_sign_out)
        return HTMLResponse(page)

    @router.get("/history")
    def history(reviewer: Reviewer) -> Response:
        past = services.desk.history(reviewer)
        return HTMLResponse(render("history.html", run=services.run, reviewer=reviewer, past=past))

    return router


def item_routes(services: Services) -> APIRouter:
    """The routes of items. Those that change something answer with the next item."""
    router = APIRouter()
    reviews, settings = services.store.reviews, services.settings

    @router.get("/next")
    def next_item(
        request: Request,
        reviewer: Reviewer,
        queue: ReviewQueue,
        order: ReviewOrder = ReviewOrder.VALUE,
        beside: int | None = None,
        back: bool = False,
        page: str | None = None,
    ) -> Response:
        if page is not None:
            reviews.release(page)
        return take(services, request, reviewer, Wanted(queue, order, beside, back))

    @router.get("/items/{item_id}")
    def show(
        request: Request,
        reviewer: Reviewer,
        item_id: int,
        order: ReviewOrder = ReviewOrder.VALUE,
        page: str | None = None,
    ) -> Response:
        if page is None:
            return RedirectResponse(item_url(item_id, order, new_page()), 303)
        return show_item(services, request, reviewer, item_id, order, page)

    @router.post("/items/{item_id}/hold", status_code=204)
    def hold(reviewer: Reviewer, item_id: int, form: Form) -> None:
        reviews.hold(item_id, reviewer, page_in(form), settings.lease_s)

    @router.post("/items/{item_id}/decide")
    def decide(request: Request, reviewer: Reviewer, item_id: int, form: Form) -> Response:
        verdict = verdict_in(form)
        reviews.decide(NewDecision(page_in(form), item_id, reviewer, verdict, note_in(form)))
        return after_deciding(services, request, reviewer, item_id, order_in(form), verdict)

    @router.post("/undo")
    def undo(request: Request, reviewer: Reviewer, form: Form) -> Response:
        undone = reviews.undo(reviewer, _decision_to_undo(services, reviewer, form), settings.undo_s)
        if form.get("page"):
            reviews.release(form["page"])
        order, page = order_in(form), new_page()
        if not is_scripted(request):
            return RedirectResponse(item_url(undone.item_id, order, page), 303)
        notice = f"Undone: {VERDICTS[undone.verdict]}. Decide again"
        return show_item(services, request, reviewer, undone.item_id, order, page, notice)

    return router


def _decision_to_undo(services: Services, reviewer: str, form: Form) -> int:
    """The decision that a form names, or the last one of the reviewer."""
    if form.get("decision", "").isdecimal():
        return int(form["decision"])
    last = services.store.reviews.last_in_effect(reviewer)
    if last is None:
        raise ReviewTakenError("There is no decision of yours to undo.")
    return last.id
