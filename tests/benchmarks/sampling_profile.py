"""Attributes the processor time of sampling to parts, from samples of the stacks of the sampler and of its engine.

Used by sampling.py. Needs py-spy, and the right to trace processes. The total of each process is the kernel's; the
samples, of threads that are not idle, only divide it.
"""

import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from sampling import Worker

SAMPLES_PER_S = 250
# The first of these texts that a stack holds, innermost frame first, gives the part.
SAMPLER = {
    "sandbox/equivalence": "checker",
    "sandbox/guest/answers": "checker",
    "sandbox/": "sandbox client",
    "actors/support": "support verdict",
    "store/rollouts/packing": "pack",
    "store/rollouts/row_mapping": "pack",
    "store/solutions": "pack",
    "store/rollouts/assignments": "lease",
    "store/": "store write",
    "engine/detokenizer": "detokenise",
    "prompt (actors/codec": "prompt tokenisation",
    "actors/codec": "tokens and text of turns",
    "actors/formats": "tokens and text of turns",
    "vllm/": "engine client",
    "actors/": "rollouts",
    "asyncio": "event loop",
}
ENGINE = {
    "execute_model": "engine step: forward",
    "sample_tokens": "engine step: sampling",
    "core/sched": "engine step: scheduler",
    "core/kv_cache": "engine step: scheduler",
    "process_output_sockets": "engine: sending",
    "process_input_sockets": "engine: receiving",
    "preprocess_add_request": "engine: receiving",
    "engine/core": "engine: loop",
}


def profile(name: str, worker: "Worker") -> None:
    """Run `ours` once under py-spy and print the milliseconds of a rollout, by part."""
    engine = _engine_of(worker.pid)
    with tempfile.TemporaryDirectory() as folder:
        files = {pid: Path(folder) / str(pid) for pid in (worker.pid, engine)}
        recorders = [_record(pid, file) for pid, file in files.items()]
        figures = worker.run("ours")
        for recorder in recorders:
            recorder.send_signal(signal.SIGINT)  # it then writes its file
            recorder.wait()
        samples = {pid: file.read_text().splitlines() for pid, file in files.items()}
    print(f"\n{name}: milliseconds of processor time of a rollout, by part")
    per_rollout = {part: 1e3 * seconds / figures["rollouts"] for part, seconds in figures["cpu"].items()}
    _print("sampler", samples[worker.pid], SAMPLER, per_rollout["sampler"])
    _print("engine", samples[engine], ENGINE, per_rollout["engine"])
    print(f"{'sandbox':8} {'processes of sessions':32} {per_rollout['sandbox']:6.2f}")
    print(f"{'':8} {'together':32} {sum(per_rollout.values()):6.2f}", flush=True)


def _engine_of(pid: int) -> int:
    children = psutil.Process(pid).children(recursive=True)
    return next(child.pid for child in children if "EngineCor" in child.name())


def _record(pid: int, file: Path) -> subprocess.Popen[bytes]:
    command = ["py-spy", "record", "--pid", str(pid), "--format", "raw", "--output", str(file), "--nonblocking"]
    command += ["--rate", str(SAMPLES_PER_S), "--duration", "600", "--full-filenames"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _print(process: str, lines: list[str], parts: dict[str, str], total_ms: float) -> None:
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        found[_part_of(stack.split(";")[::-1], parts)] += int(count)
    for part, count in found.most_common():
        print(f"{process:8} {part:32} {total_ms * count / found.total():6.2f}")


def _part_of(frames: list[str], parts: dict[str, str]) -> str:
    for frame in frames:
        for text, part in parts.items():
            if text in frame:
                return part
    return "other"
