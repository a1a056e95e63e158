"""Clients that ask a server without a pause, others that trouble it, and what became of the requests."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx

from cluster.config.run_folder import RunFolder

from .server import HEADERS, QUESTION, health, promote, wait_until

PROMPT = f"Question: {QUESTION}\nSolution:\n"
ASKED = [{"role": "user", "content": QUESTION}]
MAX_TOKENS = 100
ANSWERED_WITHIN_S = SWAPPED_WITHIN_S = 120.0
HUGE_BYTES = 5 * 2**20
SLOW_BYTES_PER_S = 100
GARBAGE = (
    b"{'model'",
    b"\xff\xfe\x00",
    b"[]",
    b'{"messages": 7}',
    b'{"messages": [{"role": "user", "content": "' + b"[" * 9999,
)

KINDS: Mapping[str, tuple[str, dict[str, Any]]] = {
    "chat": ("chat/completions", {"messages": ASKED, "temperature": 0}),
    "chat, streamed": ("chat/completions", {"messages": ASKED, "temperature": 0, "stream": True}),
    "completion": ("completions", {"prompt": PROMPT, "max_tokens": MAX_TOKENS, "temperature": 0}),
    "completion, streamed": (
        "completions",
        {"prompt": PROMPT, "max_tokens": MAX_TOKENS, "temperature": 0, "stream": True},
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request got: its text and the versions that wrote it in turn, or why it failed.

    Times are in seconds; `first_token_s` is None unless it was streamed.
    """

    kind: str
    seconds: float
    text: str = ""
    versions: tuple[int, ...] = ()
    first_token_s: float | None = None
    failure: str | None = None


@dataclass
class Tally:
    """The answers of a load, and what those that troubled the server got, by trouble and outcome."""

    solutions: Mapping[int, str]
    answers: list[Answer] = field(default_factory=list)
    troubles: Counter[tuple[str, str]] = field(default_factory=Counter)
    promoted: list[int] = field(default_factory=list)  # in turn, the version before the load first

    @property
    def failed(self) -> list[Answer]:
        """The requests without an answer."""
        return [answer for answer in self.answers if answer.failure is not None]

    def by_origin(self) -> Counter[str]:
        """The answers by what wrote them: one version, two neighbours, or what must not be.

        An answer of one version must be the solution that this version memorised, word for word.
        """
        neighbours = set(itertools.pairwise(self.promoted))
        return Counter(self._origin(answer, neighbours) for answer in self.answers if answer.failure is None)

    def others(self) -> list[Answer]:
        """The answers that must not be."""
        neighbours = set(itertools.pairwise(self.promoted))
        return [a for a in self.answers if a.failure is None and self._origin(a, neighbours) == "other"]

    def _origin(self, answer: Answer, neighbours: set[tuple[int, int]]) -> str:
        if len(answer.versions) == 1:
            return "one version" if answer.text == self.solutions[answer.versions[0]] else "other"
        return "two neighbours" if answer.versions in neighbours else "other"


async def ask(client: httpx.AsyncClient, kind: str) -> Answer:
    """Ask once, in one of the KINDS."""
    path, body = KINDS[kind]
    began = time.perf_counter()
    try:
        if not body.get("stream"):
            reply = await client.post(path, json=body)
            return _answer(kind, began, [reply.raise_for_status().json()], None)
        async with client.stream("POST", path, json=body) as reply:
            reply.raise_for_status()
            chunks, first_s = [], None
            async for chunk in _chunks(reply):
                first_s = first_s or time.perf_counter() - began
                chunks.append(chunk)
            return _answer(kind, began, chunks, first_s)
    except (httpx.HTTPError, ValueError) as error:
        return Answer(kind, time.perf_counter() - began, failure=f"{type(error).__name__}: {error}")


async def _chunks(reply: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The chunks of a stream. Raises ValueError unless it ends as it should."""
    async for line in reply.aiter_lines():
        if line == "data: [DONE]":
            return
        if line:
            yield json.loads(line.removeprefix("data: "))
    raise ValueError("the stream was cut")


def _answer(kind: str, began: float, chunks: Sequence[dict[str, Any]], first_s: float | None) -> Answer:
    if "error" in chunks[-1]:
        raise ValueError(chunks[-1]["error"]["message"])
    choices = [chunk["choices"][0] for chunk in chunks]
    texts = (
        choice.get("text") or (choice.get("message") or choice.get("delta") or {}).get("content") for choice in choices
    )
    text = "".join(text or "" for text in texts)
    versions = tuple(choices[-1]["automathes"]["policy_versions"])
    return Answer(kind, time.perf_counter() - began, text, versions, first_s)


async def load(
    url: str,
    tally: Tally,
    *,
    clients: int,
    is_over: Callable[[], bool],
    run: RunFolder | None = None,
    swap_every_s: float = 15.0,
    troubled: bool = True,
) -> None:
    """Have clients ask one request after the other each, beside troublemakers, and promotions in `run` if it is given.

    The policies of `tally.solutions` are promoted in turn.
    """
    async with client_of(url) as client, asyncio.TaskGroup() as group:
        beside = [] if run is None else [group.create_task(_promote_on(run, url, tally, swap_every_s))]
        if troubled:
            beside += [group.create_task(_forever(trouble, url, tally)) for trouble in TROUBLES]
        asking = [group.create_task(_ask_on(client, tally, first, is_over)) for first in range(clients)]
        await asyncio.wait(asking)
        for task in beside:
            task.cancel()


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the token, and with a connection for each request under way."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, headers=HEADERS, timeout=ANSWERED_WITHIN_S, limits=limits, trust_env=False
    ) as client:
        yield client


async def _ask_on(client: httpx.AsyncClient, tally: Tally, first: int, is_over: Callable[[], bool]) -> None:
    kinds = itertools.islice(itertools.cycle(KINDS), first % len(KINDS), None)
    while not is_over():
        tally.answers.append(await ask(client, next(kinds)))


async def _promote_on(run: RunFolder, url: str, tally: Tally, every_s: float) -> None:
    following = itertools.cycle(tally.solutions)
    while True:
        await asyncio.sleep(every_s)
        if (version := next(following)) == tally.promoted[-1]:
            version = next(following)
        tally.promoted.append(version)
        await swap(run, url, version)


async def swap(run: RunFolder, url: str, version: int) -> None:
    """Promote a policy, and wait until it is served."""
    await asyncio.to_thread(promote, run, version)
    await asyncio.to_thread(
        wait_until, lambda: health(url)["policy_version"] == version, SWAPPED_WITHIN_S, f"policy {version} is served"
    )


async def _forever(trouble: Callable[[httpx.AsyncClient], Awaitable[str]], url: str, tally: Tally) -> None:
    while True:
        async with client_of(url) as client:  # of its own each time: connections are part of the trouble
            try:
                outcome = await trouble(client)
            except httpx.TransportError as error:
                outcome = type(error).__name__
        tally.troubles[trouble.__name__.strip("_").replace("_", " "), outcome] += 1
        await asyncio.sleep(0.1)


async def _garbage(client: httpx.AsyncClient) -> str:
    reply = await client.post("chat/completions", content=random.choice(GARBAGE))
    return str(reply.status_code)


async def _huge_body(client: httpx.AsyncClient) -> str:
    """5 MiB, whose length is said in advance or not."""
    body = b'{"messages": "' + b"7" * HUGE_BYTES

    async def in_pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 2**16):
            yield body[start : start + 2**16]

    reply = await client.post("chat/completions", content=random.choice((body, in_pieces())))
    return str(reply.status_code)


async def _hang_up(client: httpx.AsyncClient) -> str:
    """Leave after the first chunk of a long stream, or before any answer."""
    body = {"prompt": PROMPT, "max_tokens": 1000, "temperature": 2, "n": 2, "stream": True}
    with suppress(TimeoutError):
        async with asyncio.timeout(random.uniform(0.05, 1)), client.stream("POST", "completions", json=body) as reply:
            async for _ in reply.aiter_lines():
                return "left half-way"
    return "left at once"


async def _slow_reader(client: httpx.AsyncClient) -> str:
    """Read a long stream at a pace that fills every buffer on the way, for some seconds."""
    body = {"prompt": PROMPT, "max_tokens": 2000, "temperature": 2, "n": 4, "stream": True}
    until = time.monotonic() + 5.0
    async with client.stream("POST", "completions", json=body) as reply:
        async for _ in reply.aiter_raw(SLOW_BYTES_PER_S):
            await asyncio.sleep(1.0)
            if time.monotonic() > until:
                break
    return str(reply.status_code)


TROUBLES = (_garbage, _huge_body, _hang_up, _hang_up, _slow_reader, _slow_reader)
