"""What a client sees when what the server reads is gone: the store, or the folder of a policy. Kills: test_kills.py."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from cluster.config.run_folder import RunFolder

from .server import FIRST, QUESTION, SECOND, Server, health, promote, wait_until

SWAP_S = 60.0
AWAY_S = 5.0  # two polls of the server
ASKED: Any = [{"role": "user", "content": QUESTION}]


def ask(client: openai.OpenAI) -> str:
    completion = client.chat.completions.create(model="automathes/arithmetic-1", messages=ASKED, temperature=0)
    return completion.choices[0].message.content or ""


def until_served(server: Server, version: int) -> None:
    wait_until(lambda: health(server.url)["policy_version"] == version, SWAP_S, f"policy {version} is served")


def until_logged(server: Server, text: str) -> None:
    """Wait until the replica has written a text to its standard error."""
    (replica,) = server.processes.replicas()
    log = Path(f"/proc/{replica.pid}/fd/2").resolve()
    wait_until(lambda: text in log.read_text(), SWAP_S, f"the replica's log has {text!r}")


@pytest.fixture(autouse=True)
def served(server: Server, run: RunFolder) -> Iterator[None]:
    """Policy 1 is served before and after each test."""
    promote(run, 1)
    until_served(server, 1)
    yield
    promote(run, 1)
    until_served(server, 1)


@contextmanager
def away(place: Path) -> Iterator[None]:
    """Without a folder, or without a file and those beside it with its name."""
    elsewhere = place.parent / f"{place.name} elsewhere"
    moved = list(place.parent.glob(f"{place.name}*"))
    elsewhere.mkdir()
    for path in moved:
        path.rename(elsewhere / path.name)
    try:
        yield
    finally:
        for path in moved:
            (elsewhere / path.name).rename(path)
        elsewhere.rmdir()


def test_without_the_store_the_loaded_policy_is_served_and_promotions_are_followed_later(
    server: Server, client: openai.OpenAI, run: RunFolder
) -> None:
    with away(run.path / "store.db"):
        until = time.monotonic() + AWAY_S
        while time.monotonic() < until:
            assert ask(client) == FIRST
    promote(run, 2)
    until_served(server, 2)
    assert ask(client) == SECOND


def test_a_policy_is_served_without_its_folder_and_another_is_loaded_once_its_folder_is_there(
    server: Server, client: openai.OpenAI, run: RunFolder
) -> None:
    with away(Path(run.policy(1))), away(Path(run.policy(2))):
        promote(run, 2)
        until_logged(server, "policy 2 cannot be found")
        assert ask(client) == FIRST
    until_served(server, 2)
    assert ask(client) == SECOND


def test_a_damaged_policy_is_refused_until_it_is_repaired_and_promoted_again(
    server: Server, client: openai.OpenAI, run: RunFolder
) -> None:
    with away(Path(run.policy(2)) / "model.safetensors"):
        promote(run, 2)
        until_logged(server, "policy 2 was not loaded")
        assert ask(client) == FIRST
    promote(run, 1)
    time.sleep(AWAY_S)
    promote(run, 2)
    until_served(server, 2)
    assert ask(client) == SECOND
