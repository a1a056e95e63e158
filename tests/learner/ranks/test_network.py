import os

import pytest

from learner.ranks.network import interface_of, use_interface_of

NAMES = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


@pytest.fixture(autouse=True)
def _no_interface_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")  # restored at the end, also if it was not set
        monkeypatch.delenv(name)


def test_an_interface_is_found_by_its_address() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("192.0.2.1") is None


def test_gloo_and_nccl_use_the_interface_of_the_address() -> None:
    use_interface_of("127.0.0.1")

    assert [os.environ[name] for name in NAMES] == ["lo", "=lo"]


def test_an_interface_that_the_environment_names_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "ib0")

    use_interface_of("127.0.0.1")

    assert os.environ["GLOO_SOCKET_IFNAME"] == "ib0"


def test_an_address_of_no_interface_changes_nothing() -> None:
    use_interface_of("192.0.2.1")

    assert not any(name in os.environ for name in NAMES)
