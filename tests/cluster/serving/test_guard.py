"""What the guard of the server lets through: requests with the token, and bodies of a bearable size."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from cluster.config.token import TokenDigest
from cluster.serving.api.guard import Guard, access_with

TOKEN = "a-token-of-the-tests"


def client(token: str | None, max_body_bytes: int = 100) -> httpx.AsyncClient:
    app = FastAPI()

    @app.get("/health")
    @app.get("/v1/models")
    async def answer() -> dict[str, bool]:
        return {"passed": True}

    @app.post("/v1/echo")
    async def echo(request: Request) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.exception_handler(HTTPException)
    async def on_error(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": {"message": error.detail}}, error.status_code)

    app.add_middleware(Guard, access=access_with(token), max_body_bytes=max_body_bytes)
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.mark.parametrize(
    ("token", "headers", "status"),
    [
        (None, {}, 200),
        (None, {"Authorization": "Bearer whatever"}, 200),
        (TOKEN, {"Authorization": f"Bearer {TOKEN}"}, 200),
        (TOKEN, {"Authorization": f"bearer  {TOKEN} "}, 200),
        (TOKEN, {}, 401),
        (TOKEN, {"Authorization": TOKEN}, 401),
        (TOKEN, {"Authorization": f"Basic {TOKEN}"}, 401),
        (TOKEN, {"Authorization": "Bearer"}, 401),
        (TOKEN, {"Authorization": f"Bearer {TOKEN}x"}, 401),
        (TOKEN, {"Authorization": "Bearer é"}, 401),
    ],
    ids=str,
)
async def test_only_those_with_the_token_pass(token: str | None, headers: dict[str, str], status: int) -> None:
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    async with client(token) as asked:
        reply = await asked.get("/v1/models", headers=encoded)
    assert reply.status_code == status
    if status == 401:
        assert reply.headers["www-authenticate"] == "Bearer"
        assert reply.json()["error"]["type"] == "invalid_request_error"
        assert TOKEN not in reply.text


async def test_the_health_of_the_server_is_no_secret() -> None:
    async with client(TOKEN) as asked:
        assert (await asked.get("/health")).json() == {"passed": True}


async def in_parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 10


@pytest.mark.parametrize(("body_bytes", "status"), [(100, 200), (101, 413)])
async def test_a_large_body_is_refused_before_it_is_read(body_bytes: int, status: int) -> None:
    async with client(None) as asked:
        reply = await asked.post("/v1/echo", content=b"x" * body_bytes)
    assert reply.status_code == status


@pytest.mark.parametrize(("parts", "status"), [(10, 200), (11, 413), (1000, 413)])
async def test_a_body_of_unknown_length_is_refused_once_it_is_too_large(parts: int, status: int) -> None:
    async with client(None) as asked:
        reply = await asked.post("/v1/echo", content=in_parts(parts))
    assert reply.status_code == status


async def test_a_wrong_token_is_refused_whatever_the_body_is() -> None:
    async with client(TOKEN) as asked:
        reply = await asked.post("/v1/echo", content=b"x" * 1000)
    assert reply.status_code == 401


def test_what_is_kept_of_a_token_does_not_show_it() -> None:
    assert TOKEN not in str(access_with(TOKEN))
    assert TokenDigest.of(TOKEN) != TokenDigest.of(TOKEN + "x")


def test_access_without_a_token_is_for_all() -> None:
    access: Any = access_with(None)
    access.require(None)
