"""Attempts to reach anything through a socket."""

from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]

KINDS = [
    ("AF_INET", "SOCK_STREAM"),
    ("AF_INET", "SOCK_DGRAM"),
    ("AF_INET6", "SOCK_STREAM"),
    ("AF_INET6", "SOCK_DGRAM"),
    ("AF_UNIX", "SOCK_STREAM"),
    ("AF_UNIX", "SOCK_DGRAM"),
    ("AF_NETLINK", "SOCK_RAW"),
    ("AF_INET", "SOCK_RAW"),
    ("AF_INET6", "SOCK_RAW"),
    ("AF_PACKET", "SOCK_RAW"),
    ("AF_VSOCK", "SOCK_STREAM"),
    ("AF_ALG", "SOCK_SEQPACKET"),
]


@pytest.mark.parametrize(("family", "kind"), KINDS)
async def test_a_socket_is_denied(attack: Attack, family: str, kind: str) -> None:
    execution = await attack(f"import socket\nsocket.socket(socket.{family}, socket.{kind})")
    assert execution.error.endswith("PermissionError: [Errno 1] Operation not permitted")


async def test_a_web_page_cannot_be_fetched(attack: Attack) -> None:
    execution = await attack("from urllib.request import urlopen\nurlopen('http://127.0.0.1/', timeout=5)")
    assert "URLError" in execution.error
    assert "Operation not permitted" in execution.error


async def test_a_name_cannot_be_resolved(attack: Attack) -> None:
    assert "gaierror" in (await attack("import socket\nsocket.getaddrinfo('example.org', 80)")).error


async def test_a_socket_pair_cannot_be_bound_to_an_abstract_name(attack: Attack) -> None:
    source = (
        "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)\na.send(b'x')\na.bind('\\0meet')"
    )
    assert "PermissionError" in (await attack(source)).error


@pytest.mark.parametrize(
    ("family", "kind"), [("AF_UNIX", "SOCK_DGRAM"), ("AF_INET", "SOCK_STREAM"), ("AF_NETLINK", "SOCK_RAW")]
)
async def test_a_pair_that_could_send_to_another_session_is_denied(attack: Attack, family: str, kind: str) -> None:
    source = f"import socket\nsocket.socketpair(socket.{family}, socket.{kind} | socket.SOCK_CLOEXEC)"
    assert "PermissionError" in (await attack(source)).error


async def test_a_connected_pair_works_within_a_session(attack: Attack) -> None:
    source = "import asyncio, socket\na, b = socket.socketpair()\na.send(b'x')\nasync def say(): return b.recv(9)\n"
    assert (await attack(source + "asyncio.run(say())")).value == "b'x'"


@pytest.mark.parametrize("command", [6, 7, 37, 38, 1024, 1026])
async def test_locks_leases_and_notifications_on_a_shared_file_are_denied(attack: Attack, command: int) -> None:
    source = f"import fcntl, os\nfcntl.fcntl(os.open('/dev/null', os.O_RDWR), {command}, bytes(32))"
    assert "PermissionError" in (await attack(source)).error


async def test_the_channel_cannot_be_connected_elsewhere(attack: Attack) -> None:
    source = "import os, socket\nsocket.socket(fileno=os.dup(3)).connect('\\0elsewhere')"
    assert "PermissionError" in (await attack(source)).error


async def test_there_is_no_network_device_even_below_the_filter(attack: Attack) -> None:
    assert (await attack("import socket\nsocket.if_nameindex()")).error.endswith("Operation not permitted")
