"""The store of a cluster with several machines must be reachable from all of them."""

import pytest

from cluster.config.run_config import ConfigError
from cluster.ray.session import machines, require_store_for_all_machines


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
