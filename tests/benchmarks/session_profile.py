"""Attributes the processor time of sessions to steps, from samples of stacks that `perf` takes of the whole machine.

Used by session_cost.py, as root. Kernel threads count as well; what else runs on the machine does not.
"""

import re
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from session_cost import Worker

SAMPLES_PER_S = 10_000
START_S = 1.0  # of perf
# The first of these functions that a stack holds gives the sample's step.
STEPS = {
    "exit_mmap": "exit: memory",
    "do_exit": "exit: the rest",
    "task_work_run": "exit: the rest",
    "copy_process": "fork",
    "asm_exc_page_fault": "page faults",
    "exc_page_fault": "page faults",
    "ksys_unshare": "namespaces, mount",
    "path_mount": "namespaces, mount",
    "__x64_sys_setns": "namespaces, mount",
    "do_seccomp": "system call filter",
    "__do_sys_prctl": "capabilities",
    "__x64_sys_prctl": "capabilities",
}
FORK = re.compile(r"PERF_RECORD_FORK\((\d+):\d+\):\((\d+):")
KERNEL_WORKERS = ("kworker", "ksoftirqd", "rcu_")


def profile(name: str, worker: "Worker", sessions: int) -> None:
    """Run twice so many sessions of two blocks and print the milliseconds that each step takes in one."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "perf.data"
        options = ["-e", "cpu-clock", "-F", str(SAMPLES_PER_S), "-a", "-g", "-o", str(data)]
        recorder = subprocess.Popen(["perf", "record", *options], stderr=subprocess.DEVNULL)
        time.sleep(START_S)
        worker.run(2, sessions)
        recorder.send_signal(signal.SIGINT)
        recorder.wait()
        steps = count_steps(data, worker.pid, worker.parent_pid)
    ms = {step: 1e3 * count / SAMPLES_PER_S / (2 * sessions) for step, count in steps.most_common()}
    print(f"\n{name}: milliseconds of a session of two blocks, {sum(ms.values()):.2f} in total")
    for (process, step), share in ms.items():
        print(f"{process:15} {step:20} {share:6.3f}", flush=True)


def count_steps(data: Path, driver: int, parent: int) -> Counter[tuple[str, str]]:
    """How many samples fell into each step of each process."""
    steps: Counter[tuple[str, str]] = Counter()
    processes = {driver: "driver", parent: "warm parent"}
    for command, pid, stack in samples(data, parent, processes):
        if command.startswith(KERNEL_WORKERS):
            steps["kernel threads", "deferred work"] += 1
        elif pid in processes:
            steps[processes[pid], step_of(stack)] += 1
    return steps


def step_of(stack: list[str]) -> str:
    """The step of a sample with this stack, innermost function first."""
    for function, step in STEPS.items():
        if function in stack:
            return step
    return "other system calls" if any(function.startswith("entry_SYSCALL") for function in stack) else "interpreter"


def samples(data: Path, parent: int, processes: dict[int, str]) -> Iterator[tuple[str, int, list[str]]]:
    """The command, process id and stack of each sample. Adds the forks of `parent` to `processes` as they happen."""
    options = ["-i", str(data), "--show-task-events", "-F", "comm,pid,ip,sym"]
    script = subprocess.Popen(
        ["perf", "script", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace"
    )
    assert script.stdout is not None
    head, stack = "", list[str]()
    for line in script.stdout:
        if (fork := FORK.search(line)) and int(fork[2]) == parent:
            processes[int(fork[1])] = "session"
        if "PERF_RECORD_" in line:
            continue
        if line.strip() and not line[0].isspace():
            head = line
        elif line.strip():
            stack.append(line.split(maxsplit=1)[-1].strip().partition("+")[0])
        elif head:
            command, _, pid = head.rstrip().rpartition(" ")
            yield command.strip(), int(pid), stack
            head, stack = "", []
