"""Shared memory of a sampler whose whole process group is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[4]
OWNER = f"""
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from multiprocessing import shared_memory
from actors.engine.process.segments import outlive_process_group
outlive_process_group()
segment = shared_memory.SharedMemory(create=True, size=1000)
print(segment.name, flush=True)
if os.fork():  # a child that shares the tracker keeps it from cleaning until the group is killed
    time.sleep(600)
time.sleep(600)
"""


def test_it_is_removed() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert owner.stdout is not None
    segment = Path("/dev/shm") / owner.stdout.readline().strip()
    assert segment.exists()
    os.killpg(owner.pid, signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + 30
    while segment.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not segment.exists()
