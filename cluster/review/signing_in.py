"""Signing in with a name, and with a token if the server asks for one; and signing out."""

import asyncio

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from cluster.report.access import SESSION_S
from cluster.report.forms import own_url, read_form
from cluster.report.signing_in import SIGN_IN_DELAY_S
from cluster.review.identity import COOKIE, Identities
from cluster.review.rendering import render


def sign_in_routes(run: str, identities: Identities) -> APIRouter:
    """The routes of the form."""
    router = APIRouter()
    admission = identities.admission

    def page(wanted: str, problem: str | None, status: int = 200) -> Response:
        asks_for_name = admission.reviewers is None
        # Without the right token, the page names nothing of the run.
        values = {"run": "" if admission.needs_token else run, "reviewer": "", "wanted": wanted, "problem": problem}
        text = render("sign_in.html", **values, asks_for_name=asks_for_name, asks_for_token=admission.needs_token)
        return HTMLResponse(text, status)

    @router.get("/sign-in")
    async def show(request: Request) -> Response:
        return page(own_url(request.query_params.get("next", "/")), None)

    @router.post("/sign-in")
    async def sign_in(request: Request) -> Response:
        form = await read_form(request)
        wanted = own_url(form.get("next", "/"))
        name = identities.admitted(form.get("name", ""), form.get("token", ""))
        if name is None:
            if admission.needs_token:
                await asyncio.sleep(SIGN_IN_DELAY_S)
            problem = (
                "That is not a token of this server, or the name is missing."
                if admission.needs_token
                else ("Give a name of up to 64 letters: decisions are stored under it.")
            )
            return page(wanted, problem, 401)
        response = RedirectResponse(wanted, 303)
        is_secure = request.url.scheme == "https"
        session = identities.new_session(name)
        response.set_cookie(COOKIE, session, max_age=SESSION_S, httponly=True, samesite="strict", secure=is_secure)
        return response

    @router.post("/sign-out")
    async def sign_out() -> Response:
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return router
