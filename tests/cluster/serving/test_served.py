"""What a replica serves, without Ray Serve around it: pinned versions, several beside each other, and its start."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from actors.engine import EngineStartError
from actors.scoring.published import Published, ValueFiles
from actors.scoring.scorer import ScoringError
from cluster.config.run_config import ConfigError
from cluster.config.run_folder import RunFolder
from cluster.serving.api.app import make_app
from cluster.serving.api.guard import Access
from cluster.serving.metrics.serving_metrics import ServingMetrics
from cluster.serving.policies.served import POLL_INTERVAL_S, ServedPolicies, Versions
from cluster.serving.policies.sources import FolderSource, RunSource
from cluster.serving.policies.value_model import LoadedValueModel
from store.settings import StorageSettings
from tests.value_models import make_value_model

from .server import FIRST, QUESTION, SECOND, promote

in_module_loop = pytest.mark.asyncio(loop_scope="module")


def client_of(policies: ServedPolicies) -> httpx.AsyncClient:
    app = make_app(policies, Access(), ServingMetrics(policies))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test", timeout=60.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def replica(
    run: RunFolder, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[httpx.AsyncClient, list[httpx.Response]]]:
    """A client of a replica with version 1, version 2 beside it and a value model, and what it answered at first."""
    folder = tmp_path_factory.mktemp("value")
    make_value_model(Path(run.policy(1)), folder)
    value_model = ValueFiles(1, Published(str(folder), None), StorageSettings())
    policies = ServedPolicies(RunSource(run), run.read_config(), Versions(pinned=1, beside=(2,)), value_model)
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
    promote(run, 2)
    await asyncio.sleep(1.5 * POLL_INTERVAL_S)
    assert (await replica[0].get("/ready")).json() == {"status": "ready", "policy_version": 1}
    promote(run, 1)  # as other tests expect


@in_module_loop
async def test_a_value_model_chooses_among_attempts(replica: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[float] = []
    score = LoadedValueModel.score

    async def watched(self: LoadedValueModel, sequences: Sequence[Sequence[int]]) -> list[float]:
        found.extend(await score(self, sequences))
        return found

    monkeypatch.setattr(LoadedValueModel, "score", watched)
    asked = question(temperature=0.7, automathes={"best_of": 6})
    [choice] = (await replica[0].post("/v1/chat/completions", json=asked)).json()["choices"]
    assert len(found) == 6
    assert choice["automathes"]["value"] in found
    found.clear()
    asked["automathes"] = {"majority_of": 4}
    [choice] = (await replica[0].post("/v1/chat/completions", json=asked)).json()["choices"]
    assert choice["automathes"]["value"] in found
    assert sum(weight for _, weight in choice["automathes"]["votes"]) <= sum(min(max(one, 1e-6), 1) for one in found)


@in_module_loop
@pytest.mark.parametrize(
    "changes", [{"automathes": {"best_of": 2, "rank_by": "probability"}}, {"stop": ["!"]}], ids=str
)
async def test_attempts_are_ranked_by_their_probability_if_a_request_says_or_needs_so(
    replica: Any, changes: dict[str, Any]
) -> None:
    asked = question(temperature=0.7, **{"automathes": {"best_of": 2}, **changes})
    [choice] = (await replica[0].post("/v1/chat/completions", json=asked)).json()["choices"]
    assert "value" not in choice["automathes"]


async def test_a_folder_without_a_value_model_says_so(run: RunFolder) -> None:
    value_model = ValueFiles(1, Published(str(run.policy(1)), None), StorageSettings())
    policies = ServedPolicies(RunSource(run), run.read_config(), Versions(), value_model)
    with pytest.raises(ScoringError, match="is no value model"):
        await policies.begin()
    assert policies.failure is not None
    await policies.close()


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
