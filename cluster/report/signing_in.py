"""Signing in with the token, by a form, and signing out."""

import asyncio

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from cluster.report.access import COOKIE, SESSION_S, Access
from cluster.report.forms import own_url, read_form
from eval.browser.document import sign_in_page

SIGN_IN_DELAY_S = 1.0
"""How long a wrong token is answered later, so that guessing takes long."""


def sign_in_routes(access: Access) -> list[Route]:
    """The routes of the form."""

    async def show(_: Request) -> Response:
        return HTMLResponse(sign_in_page("/", None))

    async def sign_in(request: Request) -> Response:
        form = await read_form(request)
        wanted = own_url(form.get("next", "/"))
        if not access.is_token(form.get("token", "")):
            await asyncio.sleep(SIGN_IN_DELAY_S)
            return HTMLResponse(sign_in_page(wanted, "That is not the token of this server."), 401)
        response = RedirectResponse(wanted, 303)
        is_secure = request.url.scheme == "https"
        response.set_cookie(
            COOKIE, access.new_session(), max_age=SESSION_S, httponly=True, samesite="strict", secure=is_secure
        )
        return response

    async def sign_out(_: Request) -> Response:
        response = RedirectResponse("/sign-in", 303)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return [
        Route("/sign-in", show, methods=["GET"]),
        Route("/sign-in", sign_in, methods=["POST"]),
        Route("/sign-out", sign_out, methods=["POST"]),
    ]
