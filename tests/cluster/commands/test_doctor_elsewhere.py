"""The doctor's findings, and whether code still runs, on machines that lack something.

Each such machine is emulated on this one for a single command, in namespaces of its own.
"""

import json
import os
import shlex
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
LIMIT_S = 120
NOBODY = 65534
CANNOT_EMULATE = 99  # exit code of a machine that could not be emulated

PROGRAM = """
import argparse, asyncio, json
from cluster.commands.doctor.machine import doctor
from sandbox.host import SandboxUnavailable
from sandbox.interpreter import Sandbox
from sandbox.settings import SandboxSettings

BLOCKS = ["6 * 7", '''
import os, time
for _ in range(4):
    if os.fork() == 0:
        x = b'x' * (100 << 20)
        time.sleep(100)
time.sleep(100)''']

async def run_blocks():
    results = []
    async with Sandbox(SandboxSettings(preload=(), memory_bytes=256 << 20)) as sandbox:
        for block in BLOCKS:
            async with sandbox.session() as session:
                execution = await session.run(block)
                results.append(execution.value or execution.status)
    return results

doctor(argparse.Namespace(json=True))
try:
    print(json.dumps(asyncio.run(run_blocks())))
except SandboxUnavailable as refusal:
    print(json.dumps(str(refusal)))
"""


@dataclass(frozen=True)
class Result:
    """The doctor's findings that are not `ok`, by name, and the results of code blocks, or the message of a refusal."""

    findings: dict[str, dict[str, str]]
    blocks: list[str] | str


def run_in(world: str, *, namespace: str = "--mount", user: int | None = None) -> Result:
    """Run the doctor and two blocks after the shell commands `world`; skip the test if those cannot be run."""
    command = [sys.executable, "-c", PROGRAM]
    if user is not None:
        command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", *command]
    script = f"({world}) >&2 || exit {CANNOT_EMULATE}\nexec {shlex.join(command)}"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/"}
    process = subprocess.run(
        ["unshare", namespace, "sh", "-c", script],
        capture_output=True, text=True, timeout=LIMIT_S, check=False, cwd=ROOT, env=environment,
    )  # fmt: skip
    if process.returncode == CANNOT_EMULATE or process.stderr.startswith("unshare: "):
        pytest.skip(f"this machine cannot be emulated here: {process.stderr.strip()[-200:]}")
    assert process.returncode == 0, process.stderr
    doctor, blocks = map(json.loads, process.stdout.splitlines())
    wrong = {finding["name"]: finding for finding in doctor["findings"] if finding["level"] != "ok"}
    assert doctor["ok"] is all(finding["level"] != "fail" for finding in wrong.values())
    return Result(wrong, blocks)


def test_without_user_namespaces_the_setting_is_named_and_no_code_runs() -> None:
    result = run_in("echo 0 > /proc/sys/user/max_user_namespaces", namespace="--map-root-user")

    finding = result.findings["namespaces"]
    assert finding["level"] == "fail"
    assert "/proc/sys/user/max_user_namespaces is 0" in finding["what"]
    assert "sysctl -w user.max_user_namespaces=10000" in finding["remedy"]
    assert isinstance(result.blocks, str)
    assert finding["remedy"] in result.blocks


WITHOUT_LIBNL = """
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work &&
libraries=$(realpath $(dirname $(ldconfig -p | awk '/libnl-route-3.so.200/ {print $NF; exit}'))) &&
mount -t overlay -o lowerdir=$libraries,upperdir=/mnt/upper,workdir=/mnt/work none $libraries &&
rm $libraries/libnl-*
"""


def test_without_libnl_the_package_is_named_and_no_code_runs() -> None:
    result = run_in(f'PATH="$PATH:/sbin:/usr/sbin"; {WITHOUT_LIBNL}')

    finding = result.findings["nsjail"]
    assert finding["level"] == "fail"
    assert "needs the system library libnl" in finding["what"]
    assert "apt-get install libnl-route-3-200" in finding["remedy"]
    assert isinstance(result.blocks, str)
    assert finding["remedy"] in result.blocks


WITHOUT_CGROUPS = "mount -t tmpfs none /sys/fs/cgroup"
READ_ONLY_CGROUPS = """
awk '$5 ~ "^/sys/fs/cgroup" {print $5}' /proc/self/mountinfo |
while read -r folder; do mount -o remount,bind,ro $folder || exit 1; done
"""


@pytest.mark.parametrize("world", [WITHOUT_CGROUPS, READ_ONLY_CGROUPS], ids=["missing", "read-only"])
def test_without_control_groups_it_says_what_is_weaker_and_limits_still_hold(world: str) -> None:
    result = run_in(world)

    finding = result.findings["cgroups"]
    assert finding["level"] == "warn"
    assert "nothing binds all sessions of a jail together" in finding["what"]
    assert "/sys/fs/cgroup mounted writable" in finding["remedy"]
    assert result.blocks == ["42", "memory"]


def test_an_ordinary_user_runs_code_within_limits() -> None:
    if os.geteuid() == 0:
        result = run_in(accessible_to_every_user(), user=NOBODY)
    else:
        result = run_in("true", namespace="--map-current-user")

    assert result.findings.get("cgroups", {}).get("level") in {None, "warn"}
    assert result.blocks == ["42", "memory"]


def accessible_to_every_user() -> str:
    """Shell commands that make our interpreter, packages and code accessible to every user, wherever they are."""
    bind, cover = ["mount -t tmpfs -o mode=755 none /mnt"], set()
    for path in (Path(sys.base_prefix), Path(sys.prefix), ROOT):
        closed = next((folder for folder in reversed(path.parents) if not folder.stat().st_mode & stat.S_IXOTH), None)
        if closed is not None:
            stage = f"/mnt{path}"
            bind.append(f"mkdir -p {stage} && mount --rbind {path} {stage}")
            cover.add(f"mount --rbind /mnt{closed} {closed}")
    return " && ".join([*bind, *sorted(cover)])
