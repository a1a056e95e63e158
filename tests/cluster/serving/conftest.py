"""One real server for all tests of this folder."""

from collections.abc import Iterator

import openai
import pytest

from cluster.config.run_folder import RunFolder

from .server import FIRST, SECOND, TOKEN, Server, make_run, serving


@pytest.fixture(scope="package")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run with two policies; the first one is promoted."""
    return make_run(tmp_path_factory.mktemp("runs") / "arithmetic-1", (FIRST, SECOND))


@pytest.fixture(scope="package")
def server(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the run. Afterwards none of its processes is left."""
    with serving(run, tmp_path_factory.mktemp("serve")) as started:
        yield started


@pytest.fixture(scope="package")
def url(server: Server) -> str:
    """The URL of the server, with /v1."""
    return server.url


@pytest.fixture(scope="package")
def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=TOKEN, max_retries=0, timeout=60.0)
