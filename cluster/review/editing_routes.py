"""Editing a solution: the editor, running what is in it, and storing that as a decision."""

import asyncio

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response

from cluster.review.answers import after_deciding
from cluster.review.editing import Run, solution_text
from cluster.review.form_fields import note_in, order_in, page_in
from cluster.review.rendering import render
from cluster.review.services import Form, Reviewer, Services
from sandbox.equivalence import AnswerCheckFailed
from sandbox.host import SandboxUnavailable
from store.records import ReviewItem, ReviewKind, ReviewOrder, ReviewVerdict, Split
from store.reviews.decisions import NewDecision


def editing_routes(services: Services) -> APIRouter:
    """The routes. Whatever a browser sends is run again before it is stored."""
    router = APIRouter()

    @router.get("/items/{item_id}/editor")
    def editor(item_id: int, page: str, order: ReviewOrder = ReviewOrder.VALUE) -> Response:
        item = _editable(services, item_id)
        text = solution_text(services.desk.rollout_of(item))
        return HTMLResponse(render("editor.html", item=item, page=page, order=order, text=text))

    @router.post("/items/{item_id}/run")
    async def run(item_id: int, form: Form) -> Response:
        found = await _run(services, item_id, form.get("text", ""))
        return HTMLResponse(render("run.html", run=found))

    @router.post("/items/{item_id}/edit")
    async def edit(request: Request, reviewer: Reviewer, item_id: int, form: Form) -> Response:
        found = await _run(services, item_id, form.get("text", ""))
        if found.edit is None:
            # Shown where a run's result is: the text in the editor stays.
            headers = {"HX-Retarget": "#result", "HX-Reswap": "innerHTML"}
            return HTMLResponse(render("run.html", run=found), headers=headers)
        verdict = ReviewVerdict.EDIT
        new = NewDecision(page_in(form), item_id, reviewer, verdict, note_in(form), found.edit)
        await asyncio.to_thread(services.store.reviews.decide, new)
        order = order_in(form)
        return await asyncio.to_thread(after_deciding, services, request, reviewer, item_id, order, verdict)

    return router


async def _run(services: Services, item_id: int, text: str) -> Run:
    item = await asyncio.to_thread(_editable, services, item_id)
    rollout = await asyncio.to_thread(services.desk.rollout_of, item)
    problem = await asyncio.to_thread(services.store.problems.get, item.problem_id)
    try:
        return await services.workshop.run(problem, rollout.solution_format, text)
    except (SandboxUnavailable, AnswerCheckFailed) as error:
        raise HTTPException(503, f"The solution cannot be run here: {error}") from error


def _editable(services: Services, item_id: int) -> ReviewItem:
    """The item, if it is a solution to a problem that is trained on: never to a held-out one."""
    item = services.store.reviews.item(item_id)
    if item.kind is not ReviewKind.SOLUTION:
        raise HTTPException(400, "Only solutions can be edited.")
    if services.store.problems.get(item.problem_id).split is not Split.TRAIN:
        raise HTTPException(400, "Its problem is not trained on, so that no solution to it is stored.")
    return item
