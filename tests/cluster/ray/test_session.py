"""What a cluster of several machines needs: a store that all of them reach, and calls on each of them."""

import os
import tempfile
from pathlib import Path

import pytest

from cluster.config.run_config import ConfigError, RaySettings
from cluster.ray import session
from cluster.ray.nodes import on_nodes
from cluster.ray.session import machines, require_dashboard_address, require_store_for_all_machines

from ..ray_clusters import cluster_of


def node(host: str, *, alive: bool = True) -> dict[str, object]:
    return {"NodeManagerHostname": host, "Alive": alive}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Ray cluster of two machines."""
    import ray

    monkeypatch.setattr(ray, "nodes", lambda: [node("a"), node("b")])


def test_live_machines_are_counted_once() -> None:
    assert machines([node("a"), node("a"), node("b"), node("c", alive=False)]) == {"a", "b"}


@pytest.mark.usefixtures("cluster")
def test_sqlite_is_refused_on_two_machines_with_the_alternative() -> None:
    with pytest.raises(ConfigError, match=r"2 machines.*postgresql://"):
        require_store_for_all_machines("sqlite:////runs/demo-1/store.db")


@pytest.mark.usefixtures("cluster")
def test_postgresql_serves_two_machines() -> None:
    require_store_for_all_machines("postgresql://automathes@head/automathes")


@pytest.mark.usefixtures("ray_session")
def test_sqlite_serves_one_machine() -> None:
    require_store_for_all_machines("sqlite:////runs/demo-1/store.db")


@pytest.mark.usefixtures("ray_session")
def test_a_function_is_called_on_each_node_and_its_error_is_returned() -> None:
    def fail() -> str:
        raise FileNotFoundError("not here")

    assert on_nodes(lambda: "seen", and_here=False) == {}
    assert list(on_nodes(lambda: "seen", and_here=True).values()) == ["seen"]
    (error,) = on_nodes(fail, and_here=True).values()
    assert isinstance(error, FileNotFoundError)


def test_every_other_node_is_called_and_a_node_that_died_is_not(tmp_path: Path) -> None:
    def leave_a_file() -> str:
        handle, _ = tempfile.mkstemp(dir=tmp_path)
        os.close(handle)
        return "seen"

    with cluster_of(1, 1) as cluster:  # nodes of one name, as they are on one machine
        assert set(on_nodes(leave_a_file, and_here=False).values()) == {"seen"}
        assert len(list(tmp_path.iterdir())) == 1
        assert set(on_nodes(leave_a_file, and_here=True).values()) == {"seen"}
        assert len(list(tmp_path.iterdir())) == 3
        cluster.remove_node(next(iter(cluster.worker_nodes)))
        assert on_nodes(leave_a_file, and_here=False) == {}


@pytest.mark.parametrize("mode", ["disabled", "k8s"])
def test_a_dashboard_that_others_reach_asks_for_a_token(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    open_to_all = RaySettings(dashboard_host="0.0.0.0", dashboard_port=0)
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    with pytest.raises(ConfigError, match=r"ray.dashboard_host: at 0.0.0.0 .*RAY_AUTH_MODE=token"):
        require_dashboard_address(open_to_all)
    require_dashboard_address(RaySettings(dashboard_port=0))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    require_dashboard_address(open_to_all)


@pytest.mark.parametrize("asks", [True, False])
def test_the_token_of_the_dashboard_is_named_only_where_it_asks_for_one(
    asks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ray._private.authentication.authentication_utils.is_token_auth_enabled", lambda: asks)
    assert ("ray get-auth-token" in session._dashboard_hint()) is asks


def test_rays_dashboard_is_told_where_prometheus_and_grafana_are() -> None:
    from ray.dashboard.modules.metrics import grafana_dashboard_factory, metrics_head

    told = session._metrics_environment(RaySettings(grafana_url="http://127.0.0.1:3001"))
    uid = grafana_dashboard_factory.GRAFANA_DASHBOARD_UID_OVERRIDE_ENV_VAR_TEMPLATE.format(name="DEFAULT")
    assert told == {
        metrics_head.PROMETHEUS_HOST_ENV_VAR: "http://127.0.0.1:9090",
        metrics_head.GRAFANA_HOST_ENV_VAR: "http://127.0.0.1:3001",
        uid: "automathes-loop",
    }
