"""Processes that are forked from one which has vLLM imported."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

ROOT = Path(__file__).parents[4]
CHILD = """
import json, os, sys
import torch
imported = "vllm.v1.engine.core" in sys.modules
torch.set_num_threads(2)
ones = torch.ones(1024, 1024)
product, scheduling = (ones @ ones)[0, 0].item(), os.sched_getscheduler(0)
print(json.dumps([os.environ.get("SET_LATER"), imported, product, scheduling]), flush=True)
"""
OWNER = f"""
import os, sys, time
sys.path.insert(0, {str(ROOT)!r})
from multiprocessing import forkserver
from actors.engine.process.forking import _Context, start_importing
if __name__ == "__main__":
    start_importing()
    print(forkserver._forkserver._forkserver_pid, flush=True)
    os.environ["SET_LATER"] = "yes"
    for _ in range(2):
        process = _Context().Process(target=exec, args=({CHILD!r}, {{}}))
        process.start()
        process.join()
        assert process.exitcode == 0, process.exitcode
    time.sleep(600)
"""


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Any]:
    script = tmp_path / "owner.py"
    script.write_text(OWNER)
    environment = os.environ | {"VLLM_LOGGING_LEVEL": "ERROR", "OMP_NUM_THREADS": "2"}
    environment.pop("PYTHONPATH", None)  # a worker of Ray's finds the project by its search path alone
    owner = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment)
    yield owner
    owner.kill()
    owner.wait()


def test_processes_find_vllm_imported_and_the_environment_of_the_moment_and_end_with_their_owner(owner: Any) -> None:
    importing = psutil.Process(int(owner.stdout.readline()))
    for _ in range(2):
        set_later, imported, product, scheduling = json.loads(owner.stdout.readline())
        assert set_later == "yes"
        assert imported
        assert product == 1024, "threads of a forked process compute as others do"
        assert scheduling == os.SCHED_BATCH
    owner.kill()
    importing.wait(timeout=30)
