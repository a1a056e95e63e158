"""What a cluster of several machines needs: a store that all of them reach, and calls on each of them."""

import os
import tempfile
from pathlib import Path

import pytest

from cluster.config.run_config import ConfigError
from cluster.ray.nodes import on_nodes
from cluster.ray.session import machines, require_store_for_all_machines

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
