"""What a replica serves, without Ray Serve around it: pinned versions, several beside each other, and its start."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from actors.engine import EngineStartError
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.serving.api.app import make_app
from cluster.serving.api.guard import Access
from cluster.serving.metrics.serving_metrics import ServingMetrics
from cluster.serving.policies.served import POLL_INTERVAL_S, ServedPolicies, Versions
from cluster.serving.policies.sources import FolderSource, RunSource
from store.store import Store

from .server import FIRST, QUESTION, SECOND

in_module_loop = pytest.mark.asyncio(loop_scope="module")


def client_of(policies: ServedPolicies) -> httpx.AsyncClient:
    app = make_app(policies, Access(), ServingMetrics(policies))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=60.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replica(run: RunFolder) -> AsyncIterator[tuple[httpx.AsyncClient, list[httpx.Response]]]:
    """A client of a replica with version 1 and version 2 beside it, and what it answered before it was ready."""
    policies = ServedPolicies(RunSource(run), run.read_config(), Versions(pinned=1, beside=(2,)))
    async with client_of(policies) as client:
        loading = policies.begin()
        early = [await client.get(path) for path in ("/health", "/ready", "/v1/models")]
        early.append(await client.post("/v1/chat/completions", json=question()))
        await loading
        yield client, early
    await policies.close()


def question(**changes: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": QUESTION}], "temperature": 0, **changes}


@in_module_loop
async def test_before_it_is_ready_clients_are_asked_to_repeat(replica: Any) -> None:
    health, *others = replica[1]
    assert (health.status_code, health.json()["status"]) == (200, "starting")
    for reply in others:
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_ready")
        assert int(reply.headers["retry-after"]) > 0


@in_module_loop
async def test_two_versions_answer_side_by_side(replica: Any) -> None:
    client, _ = replica
    models = {
        model["id"]: model["automathes"]["policy_version"] for model in (await client.get("/v1/models")).json()["data"]
    }
    assert models == {
        "automathes/arithmetic-1@v1": 1,
        "automathes/arithmetic-1": 1,
        "automathes/arithmetic-1@v2": 2,
    }
    asked = [client.post("/v1/chat/completions", json=question(model=name)) for name in models]
    replies = [reply.json() for reply in await asyncio.gather(*asked)]
    assert [reply["choices"][0]["message"]["content"] for reply in replies] == [FIRST, FIRST, SECOND]
    assert [reply["model"][-2:] for reply in replies] == ["v1", "v1", "v2"]
    missing = await client.post("/v1/chat/completions", json=question(model="automathes/arithmetic-1@v3"))
    assert (missing.status_code, missing.json()["error"]["param"]) == (404, "model")


@in_module_loop
async def test_a_pinned_version_does_not_follow_promotions(replica: Any, run: RunFolder) -> None:
    with Store.open(run.store_url(run.read_config())) as store:
        store.policies.promote(2)
    await asyncio.sleep(1.5 * POLL_INTERVAL_S)
    assert (await replica[0].get("/ready")).json() == {"status": "ready", "policy_version": 1}


@pytest.mark.parametrize("versions", [Versions(pinned=7), Versions(beside=(7,))], ids=str)
async def test_a_version_that_does_not_exist_is_an_error_at_once(run: RunFolder, versions: Versions) -> None:
    policies = ServedPolicies(RunSource(run), run.read_config(), versions)
    with pytest.raises(ConfigError, match="has no policy 7, only 1, 2"):
        policies.begin()
    await policies.close()


async def test_a_folder_is_served_without_a_run(run: RunFolder, tmp_path: Path) -> None:
    shutil.copytree(run.policy(2), tmp_path / "mine")
    config = run.read_config([f"store.url=sqlite:///{tmp_path}/nowhere.db"])
    policies = ServedPolicies(FolderSource(tmp_path / "mine"), config, Versions())
    async with client_of(policies) as client:
        await policies.begin()
        reply = (await client.post("/v1/chat/completions", json=question(model="automathes/mine"))).json()
    await policies.close()
    assert reply["choices"][0]["message"]["content"] == SECOND
    assert reply["model"] == "automathes/mine@v0"


async def test_a_policy_that_cannot_be_loaded_says_why(run: RunFolder) -> None:
    config = run.read_config(["sampler.engine.max_model_len=100000"])  # more than the policy has positions for
    policies = ServedPolicies(RunSource(run), config, Versions())
    with pytest.raises(EngineStartError):
        await policies.begin()
    async with client_of(policies) as client:
        reply = await client.get("/ready")
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, "not_loadable")
    assert "100000" in reply.json()["error"]["message"]
    with pytest.raises(EngineStartError):
        await policies.check_health()
    await policies.close()
