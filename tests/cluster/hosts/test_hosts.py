"""The hosts themselves: that they share as little as machines do."""

import subprocess
from pathlib import Path

import pytest

from .hosts import Hosts, missing

pytestmark = pytest.mark.skipif(missing() is not None, reason=f"hosts need {missing()}")


def test_hosts_share_a_network_and_a_folder_and_nothing_else(hosts_folder: Path) -> None:
    with Hosts(hosts_folder) as hosts:
        share_and_part(hosts)
    assert "automathes" not in subprocess.check_output(["ip", "netns", "list"], text=True)
    assert "automathes" not in subprocess.check_output(["ip", "link"], text=True)


def share_and_part(hosts: Hosts) -> None:
    one, two = hosts.add(1), hosts.add(2)
    one.run(f"touch /tmp/mine ~/mine /dev/shm/mine {hosts.shared}/ours; sleep 100 &> /dev/null &")
    assert two.run("hostname").split() == ["automathes2"]
    assert two.run("ls -A /tmp /dev/shm ~ | grep -c mine || true").split() == ["0"]
    assert two.run(f"ls {hosts.shared}").split() == ["ours"]
    assert not [command for command in two.processes().values() if "sleep" in command]
    login = f"ssh -o StrictHostKeyChecking=no -o BatchMode=yes {one.address}"
    assert two.run(f"{login} 'hostname; ls /tmp'").split()[-2:] == ["automathes1", "mine"]
    assert "automathes" in two.run(".venv/bin/automathes --version")

    hosts.cut(one)
    with pytest.raises(AssertionError, match="exited with"):
        two.run(f"timeout 5 {login} true")
    hosts.heal(one)
    two.run(f"{login} true")

    hosts.kill(one)
    again = hosts.add(1)
    assert "mine" not in again.run("ls -A /tmp ~")
