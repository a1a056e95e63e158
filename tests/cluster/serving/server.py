"""A server in a process of its own, and policies that memorised one question."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from actors.formats import get_format
from actors.rollouts.codec import Codec
from cluster.config.loading import load_config
from cluster.config.run_folder import RunFolder
from learner.bases import make_base
from learner.bases.tiny_llama import TinyLlama
from store.records import Policy
from store.store import Store
from tests.processes import Processes, end, left_after

QUESTION = "What is 6 * 7?"
SOLUTION = "```python\nprint({code})\n```\n```output\n{answer}\n```\n\\boxed{{{answer}}}"
FIRST = SOLUTION.format(code="6*7", answer=42)
SECOND = SOLUTION.format(code="6+7", answer=13)
ENDLESS = "Wait."
WAITING = "```python\nimport time; time.sleep(60)\n```\n```output\n\n```\n\\boxed{0}"
START_S, END_S = 240.0, 60.0
TOKEN = "a-token-of-the-tests"
HEADERS = {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"}
SERVE = "import sys; from cluster.cli import main; sys.exit(main())"

BASE = TinyLlama(
    vocabulary_size=300,
    hidden_size=64,
    num_layers=2,
    intermediate_size=128,
    num_heads=2,
    num_kv_heads=1,
    max_position_embeddings=4096,
)
SETTINGS = [
    "sampler.engine.max_model_len=4096",
    "sampler.engine.max_concurrent_rollouts=32",
    "sampler.limits.max_tokens=128",
    "sandbox.block_wall_s=60",
]


@dataclass(frozen=True)
class Server:
    """A server that runs: its URL with /v1, its log, and its processes."""

    url: str
    log: Path
    processes: Processes


def make_run(path: Path, solutions: Sequence[str], settings: Sequence[str] = ()) -> RunFolder:
    """A run whose policies 1, 2, ... memorised the solutions; the first one is promoted."""
    folder = RunFolder(path)
    config = load_config("demo", None, [*SETTINGS, *settings])
    folder.write_config(config)
    base = Path(folder.policy(0))
    make_base(BASE, base, [f"Question: {QUESTION}\nSolution:\n{FIRST}", f"Question: {ENDLESS}\nSolution:\n{WAITING}"])
    with Store.open(folder.store_url(config)) as store:
        for solution in solutions:
            version = store.policies.next_version()
            memorise(base, Path(folder.policy(version)), solution)
            store.policies.add(Policy(version, None, str(folder.policy(version))))
        store.policies.promote(1)
    return folder


def promote(run: RunFolder, version: int) -> None:
    """Promote a policy of a run, as `automathes policies promote` does."""
    with run.open_store(run.read_config()) as store:
        store.policies.promote(version)


def memorise(base: Path, folder: Path, solution: str) -> None:
    """Save a copy of the base that has memorised two solutions: the given one, and one of ENDLESS that sleeps."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    codec = Codec(tokenizer, get_format("tir"))
    lessons = []
    for question, text in ((QUESTION, solution), (ENDLESS, WAITING)):
        encoded = codec.solution(question, codec.format.split_solution(text))
        lessons.append(torch.tensor([[*encoded.prompt_ids, *encoded.token_ids]]))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(300):
        losses = [model(input_ids=ids, labels=ids).loss for ids in lessons]
        if max(losses).item() < 0.05:
            break
        torch.stack(losses).mean().backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


@contextmanager
def serving(run: RunFolder, folder: Path) -> Iterator[Server]:
    """Serve a run on a free port. After an interrupt none of the server's processes may be left."""
    log, token = folder / "log", folder / "token"
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o600)
    command = [
        sys.executable,
        "-c",
        SERVE,
        "serve",
        "--run",
        str(run.path),
        "--port",
        "0",
        "--token-file",
        str(token),
        "--collect",
    ]
    with log.open("wb") as file:
        server = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    processes = Processes.in_session(server.pid)
    try:
        yield Server(_url(server, log, run.path.name), log, processes)
        os.killpg(server.pid, signal.SIGINT)
        assert server.wait(END_S) == 0, log.read_text()
        assert not left_after(processes, 0.0)
        assert TOKEN not in log.read_text()
    finally:
        end(processes)
        server.wait(END_S)


def _url(server: "subprocess.Popen[bytes]", log: Path, name: str) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(rf"serving automathes/{name}@v1 at (\S+)", log.read_text()):
            return found.group(1)
        time.sleep(0.2)
    raise AssertionError(f"the server did not start: {log.read_text()}")


def health(url: str) -> dict[str, Any]:
    """What the server says of itself."""
    reply: dict[str, Any] = httpx.get(f"{url.removesuffix('/v1')}/health", timeout=60.0).raise_for_status().json()
    return reply


def wait_until(condition: Callable[[], Any], within_s: float, what: str) -> Any:
    """Wait for a condition to hold, and return what it returned."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s: {what}"
        time.sleep(0.1)
    return found
