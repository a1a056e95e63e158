"""Control over HTTP: who may, what takes effect, and what a client is told that asks for the impossible."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder, new_run_folder, point_latest_to
from cluster.remote.api import make_app
from store.runs.run_state import ActualState, DesiredState
from store.store import Store

TOKEN = "a token of the tests"

type MakeRun = Callable[[ActualState], RunFolder]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Make a run whose driver has just written the state."""
    config = load_config("demo", None, [])

    def make(actual: ActualState) -> RunFolder:
        folder = new_run_folder(tmp_path, "demo")
        folder.write_config(config)
        with Store.open(folder.store_url(config)) as store:
            store.run.set_actual(actual)
        point_latest_to(folder.path)
        return folder

    return make


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    return TestClient(make_app(tmp_path, TOKEN), headers={"Authorization": f"Bearer {TOKEN}"})


def desired(folder: RunFolder) -> DesiredState:
    with folder.open_store(folder.read_config()) as store:
        return store.run.desired()


@pytest.mark.parametrize(
    ("verb", "state", "message"),
    [
        ("pause", DesiredState.PAUSED, "run demo-1 will pause once"),
        ("stop", DesiredState.STOPPED, "run demo-1 will stop at"),
        ("resume", DesiredState.RUNNING, "run demo-1 is not paused"),
    ],
)
def test_a_request_reaches_the_store_and_twice_is_as_once(
    make_run: MakeRun, client: TestClient, verb: str, state: DesiredState, message: str
) -> None:
    folder = make_run(ActualState.RUNNING)
    for _ in range(2):
        response = client.post(f"/runs/demo-1/{verb}")
        assert (response.status_code, response.json()["desired_state"]) == (200, state)
        assert message in response.json()["message"]
        assert desired(folder) is state


def test_the_latest_run_has_a_name_of_its_own(make_run: MakeRun, client: TestClient) -> None:
    make_run(ActualState.RUNNING)
    second = make_run(ActualState.RUNNING)
    assert "run demo-2 will pause" in client.post("/runs/latest/pause").json()["message"]
    assert desired(second) is DesiredState.PAUSED


def test_runs_are_listed_and_each_has_a_status(make_run: MakeRun, client: TestClient) -> None:
    make_run(ActualState.RUNNING)
    (make_run(ActualState.STOPPED).path / "config.toml").write_text("damaged")
    listed = client.get("/runs").json()["runs"]
    assert [(run["run"], run.get("actual_state")) for run in listed] == [("demo-1", "running"), ("demo-2", None)]
    assert "config.toml" in listed[1]["error"]
    status = client.get("/runs/demo-1").json()
    assert (status["state"], status["desired_state"], status["iterations_done"]) == ("running", "running", 0)


def test_a_run_is_scaled(make_run: MakeRun, client: TestClient) -> None:
    folder = make_run(ActualState.RUNNING)
    response = client.put("/runs/demo-1/samplers", json={"samplers": 6})
    assert response.json() == {"message": "run demo-1 will have 6 samplers now"}
    with folder.open_store(folder.read_config()) as store:
        assert store.run.state().target_samplers == 6
    for body in ({"samplers": 0}, {"samplers": "many"}, {"sampler": 2}, []):
        refused = client.put("/runs/demo-1/samplers", json=body)
        assert refused.status_code == 422
        assert '{"samplers": 4}' in refused.json()["error"]


def test_a_run_without_a_driver_is_a_conflict_that_says_what_continues_it(
    make_run: MakeRun, client: TestClient
) -> None:
    make_run(ActualState.STOPPED)
    response = client.post("/runs/demo-1/pause")
    assert response.status_code == 409
    assert "it is not running (it is stopped). `automathes run --resume` continues it" in response.json()["error"]
    assert client.post("/runs/demo-1/stop").status_code == 200


@pytest.mark.parametrize("name", ["demo-7", "..", "%2e%2e%2fetc", "demo-1%00"])
def test_only_runs_of_the_folder_are_found(make_run: MakeRun, client: TestClient, name: str) -> None:
    make_run(ActualState.RUNNING)
    response = client.post(f"/runs/{name}/pause")
    assert response.status_code == 404
    assert response.json()["error"]


def test_without_the_token_nothing_is_told_or_done(make_run: MakeRun, tmp_path: Path) -> None:
    folder = make_run(ActualState.RUNNING)
    stranger = TestClient(make_app(tmp_path, TOKEN))
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        for method, path in (("GET", "/runs"), ("GET", "/runs/demo-1"), ("POST", "/runs/demo-1/pause")):
            response = stranger.request(method, path, headers=headers)
            assert response.status_code == 401, (headers, path)
            assert response.headers["WWW-Authenticate"] == "Bearer"
        assert stranger.put("/runs/demo-1/samplers", json={"samplers": 2}, headers=headers).status_code == 401
    assert stranger.get("/health").json() == {"status": "ok"}
    assert desired(folder) is DesiredState.RUNNING


def test_a_store_that_is_away_is_an_error_of_the_service(make_run: MakeRun, client: TestClient) -> None:
    folder = make_run(ActualState.RUNNING)
    (folder.path / "store.db").unlink()
    response = client.post("/runs/demo-1/pause")
    assert response.status_code == 503
    assert "store.db" in response.json()["error"]
