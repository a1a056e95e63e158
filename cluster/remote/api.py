"""The HTTP application by which runs are watched, paused, resumed, stopped and scaled."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from cluster.config.run_config import ConfigError
from cluster.config.run_folder import LATEST, RunFolder, find_run_folder
from cluster.config.token import TokenDigest
from cluster.loop.requests import NotDrivenError, request_samplers, request_state
from cluster.loop.run_status import read_status
from store.errors import StoreError
from store.runs.run_state import DesiredState
from store.store import Store

_bearer = HTTPBearer(auto_error=False)


class Samplers(BaseModel):
    """The body of a request that scales a run."""

    model_config = ConfigDict(extra="forbid")
    samplers: int = Field(ge=1)


def make_app(runs: Path, token: str) -> FastAPI:
    """The application for the runs in the folder `runs`. Everything but `/health` needs the bearer token.

    Requests take effect through the store, so they reach a driver on whatever machine it is, and one twice is as one.
    """
    app = FastAPI(title="Automathes", docs_url=None, redoc_url=None, openapi_url=None)
    secured = [Depends(_requires(token))]

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/runs", dependencies=secured)
    def list_runs() -> dict[str, Any]:
        return {"runs": [_summary(folder) for folder in _folders(runs)]}

    @app.get("/runs/{name}", dependencies=secured)
    def status(name: str) -> dict[str, Any]:
        folder = _find(runs, name)
        config = folder.read_config()
        with folder.open_store(config) as store:
            return asdict(read_status(store, folder, config))

    @app.put("/runs/{name}/samplers", dependencies=secured)
    def scale(name: str, body: Samplers) -> dict[str, Any]:
        with _opened(runs, name) as (store, folder):
            return {"message": request_samplers(store, folder.path.name, body.samplers, folder)}

    for verb, desired in _VERBS.items():
        app.post(f"/runs/{{name}}/{verb}", dependencies=secured)(_requesting(runs, desired))

    app.exception_handler(ConfigError)(_on_config_error)
    app.exception_handler(StoreError)(_on_store_error)
    app.exception_handler(StarletteHTTPException)(_on_http_error)
    app.exception_handler(RequestValidationError)(_on_invalid_request)
    return app


_VERBS = {"pause": DesiredState.PAUSED, "resume": DesiredState.RUNNING, "stop": DesiredState.STOPPED}


def _requesting(runs: Path, desired: DesiredState) -> Callable[[str], dict[str, Any]]:
    def request(name: str) -> dict[str, Any]:
        with _opened(runs, name) as (store, folder):
            message = request_state(store, folder.path.name, desired, folder)
            return {"message": message, "desired_state": store.run.desired().value}

    return request


def _requires(token: str) -> Callable[..., None]:
    """A dependency that refuses clients without the token."""
    known = TokenDigest.of(token)

    def check(given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
        if given is None or not known.matches(given.credentials):
            message = "the token is wrong" if given else "send the header `Authorization: Bearer TOKEN`"
            raise HTTPException(401, message, headers={"WWW-Authenticate": "Bearer"})

    return check


# ---------------------------------------------------------------- the runs


def _folders(runs: Path) -> list[RunFolder]:
    paths = sorted(runs.iterdir()) if runs.is_dir() else []
    folders = (RunFolder(path.absolute()) for path in paths if not path.is_symlink())
    return [folder for folder in folders if folder.config_file.is_file()]


def _summary(folder: RunFolder) -> dict[str, Any]:
    try:
        with folder.open_store(folder.read_config()) as store:
            state = store.run.state()
    except (ConfigError, StoreError) as error:
        return {"run": folder.path.name, "error": str(error)}
    return {
        "run": folder.path.name,
        "actual_state": state.actual.value,
        "desired_state": state.desired.value,
        "heartbeat_at": state.heartbeat_at,
    }


def _find(runs: Path, name: str) -> RunFolder:
    if name == LATEST:
        return find_run_folder(runs, None)
    found = next((folder.path for folder in _folders(runs) if folder.path.name == name), None)
    if found is None:
        raise HTTPException(404, f"there is no run {name!r} in {runs}; GET /runs lists them, {LATEST!r} is the latest")
    return find_run_folder(runs, found)


@contextmanager
def _opened(runs: Path, name: str) -> Iterator[tuple[Store, RunFolder]]:
    folder = _find(runs, name)
    with folder.open_store(folder.read_config()) as store:
        yield store, folder


# ---------------------------------------------------------------- errors


def _on_config_error(_: Request, error: Exception) -> Response:
    return _error(409 if isinstance(error, NotDrivenError) else 404, str(error))


def _on_store_error(_: Request, error: Exception) -> Response:
    return _error(503, str(error))


def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, StarletteHTTPException)
    return _error(error.status_code, f"{request.method} {request.url.path}: {error.detail}", error.headers)


def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part != "body")
    return _error(422, f'{where or "the body"}: {first["msg"]}; expected a JSON object such as {{"samplers": 4}}')


def _error(status: int, message: str, headers: Any = None) -> Response:
    return Response(json.dumps({"error": message}), status, headers, media_type="application/json")
