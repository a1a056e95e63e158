"""Hosts on one machine, for clusters that share neither /tmp, home, /dev/shm, processes nor network.

Each host is a set of Linux namespaces with an sshd on a bridge of its own. The file system is the machine's, except
for /tmp, the home, /run and /dev/shm. Everything is undone at the end, and what a killed predecessor left is cleared.

It needs root, iproute2, util-linux and OpenSSH's server.
"""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

ROOT = Path(__file__).parents[3]
NETWORK = "10.78.0.0/24"
MACHINE_ADDRESS = "10.78.0.1"
COMMAND_S = 60.0
_BRIDGE = "automathes"
_START_S = 20.0
# Whether the kernel shares processors by session before it looks at how nice a process is.
_BY_SESSION = Path("/proc/sys/kernel/sched_autogroup_enabled")
_PROGRAMS = ("ip", "unshare", "nsenter", "ssh", "ssh-keygen", "/usr/sbin/sshd")


def missing() -> str | None:
    """What this machine lacks for hosts, in words; None if nothing."""
    if os.getuid() != 0:
        return "root"
    if absent := [program for program in _PROGRAMS if shutil.which(program) is None]:
        return ", ".join(absent)
    hidden = [path for path in _visible_paths() if path.is_relative_to("/tmp")]
    return f"the clone and its Python outside /tmp ({hidden[0]})" if hidden else None


@dataclass(frozen=True)
class Host:
    """One host: its name, its address, and the process that is its init and sshd."""

    name: str
    address: str
    pid: int

    def command(self, command: str, environment: Mapping[str, str] | None = None) -> list[str]:
        """The words that run a shell command on the host, with a login's environment."""
        settings = {"HOME": str(Path.home()), "PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(environment or {})}
        words = [f"{name}={value}" for name, value in settings.items()]
        inside = ["nsenter", "-t", str(self.pid), "-n", "-u", "-p", "-m", "-i"]
        return [*inside, "env", "-i", *words, "bash", "-c", f"cd ~/automathes && {command}"]

    def run(self, command: str, limit_s: float = COMMAND_S, **environment: str) -> str:
        """Run a shell command on the host; returns what it printed. Raises `HostCommandError` if it fails."""
        done = subprocess.run(
            self.command(command, environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, timeout=limit_s, check=False,
        )  # fmt: skip
        if done.returncode:
            raise HostCommandError(f"{self.name}: {command!r} exited with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def processes(self) -> dict[int, str]:
        """The host's processes, as its own process ids and command lines, without sshd and this question."""
        listed = subprocess.check_output(self.command("ps -eo pid=,args="), text=True)
        rows = (line.split(None, 1) for line in listed.splitlines())
        ours = ("sshd", "ps -eo", "bash -c cd ~/automathes && ps", "/usr/sbin/sshd")
        return {int(pid): command for pid, command in rows if not command.startswith(ours)}


class HostCommandError(AssertionError):
    """A command on a host failed; the message has its output."""


class Hosts:
    """A bridge and the hosts on it, for the time of a `with` block.

    The hosts share this machine's processors, and Ray ends a node whose agents are not up within 20 s. Its workers are
    nice, so that its agents come first, but only while processors are not shared by session: that is off meanwhile.
    """

    def __init__(self, folder: Path) -> None:
        """`folder` holds the hosts' homes and temporary files, `shared` in it is the same on all hosts."""
        self.folder = folder
        self.shared = folder / "shared"
        self._hosts: dict[str, Host] = {}
        self._inits: dict[str, subprocess.Popen[bytes]] = {}
        self._by_session = _BY_SESSION.read_text() if _BY_SESSION.exists() else None

    def __enter__(self) -> Self:
        self.shared.mkdir(parents=True)
        _clear()
        if self._by_session is not None:
            _BY_SESSION.write_text("0")
        _ip("link", "add", _BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{MACHINE_ADDRESS}/24", "dev", _BRIDGE)
        _ip("link", "set", _BRIDGE, "up")
        _run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "key"))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for host in list(self._hosts.values()):
            self.kill(host)
        _clear()
        if self._by_session is not None:
            _BY_SESSION.write_text(self._by_session)

    def add(self, number: int) -> Host:
        """Start host `number`, whose address ends in 10 + `number`: with an empty home and no files in /tmp."""
        name, address = f"automathes{number}", address_of(number)
        place = self.folder / name
        shutil.rmtree(place, ignore_errors=True)
        self._make_home(place)
        _ip("netns", "add", name)
        _ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("link", "set", f"v{name}", "master", _BRIDGE, "up")
        for words in (
            ("addr", "add", f"{address}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
            ("route", "add", "default", "via", MACHINE_ADDRESS),
        ):
            _ip("-n", name, *words)
        isolated = ["unshare", "--uts", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc"]
        with (place / "init.log").open("wb") as log:
            init = subprocess.Popen(
                ["ip", "netns", "exec", name, *isolated, "bash", "-c", _init(name, address, place)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self._inits[name] = init
        host = Host(name, address, _first_process(init, place / "init.log"))
        self._hosts[name] = host
        return host

    def cut(self, host: Host) -> None:
        """Cut the host's network."""
        _ip("link", "set", f"v{host.name}", "down")

    def heal(self, host: Host) -> None:
        """Connect the host again."""
        _ip("link", "set", f"v{host.name}", "up")

    def kill(self, host: Host) -> None:
        """End every process of the host at once, and remove it. `add` with the same number brings it back empty."""
        os.kill(host.pid, signal.SIGKILL)  # the first of its process namespace: the kernel kills all others in it
        self._inits.pop(host.name).wait(timeout=COMMAND_S)
        _remove(host.name)
        del self._hosts[host.name]

    def _make_home(self, place: Path) -> None:
        home, keys = place / "home", place / "home" / ".ssh"
        keys.mkdir(parents=True)
        (place / "tmp").mkdir()
        (place / "tmp").chmod(0o1777)
        shutil.copy(self.folder / "key.pub", keys / "authorized_keys")
        shutil.copy(self.folder / "key", keys / "id_ed25519")
        for private in (home, keys, *keys.iterdir()):
            private.chmod(0o700 if private.is_dir() else 0o600)


def address_of(number: int) -> str:
    """The address of host `number`."""
    return f"10.78.0.{10 + number}"


def _init(name: str, address: str, place: Path) -> str:
    """The script that is the host's first process and becomes its sshd.

    The clone and its Python are where they are on the machine, and the clone is `~/automathes`, too.
    """
    home, new_home = Path.home(), place / "home"
    binds = [
        f"mkdir -p {_quoted(new_home / path.relative_to(home))} && "
        f"mount --bind {_quoted(path)} {_quoted(new_home / path.relative_to(home))}"
        for path in _visible_paths()
        if path.is_relative_to(home)
    ]
    return "\n".join(
        [
            "set -e",
            "mount --make-rprivate /",
            f"hostname {name}",
            *binds,
            f"mount --rbind {_quoted(new_home)} {_quoted(home)}",
            f"mount --bind {_quoted(place / 'tmp')} /tmp",
            "mount -t tmpfs none /run && mkdir -p /run/sshd",
            "mount -t tmpfs none /dev/shm",
            f"[ -e ~/automathes ] || ln -s {_quoted(ROOT)} ~/automathes",
            f"exec /usr/sbin/sshd -D -e -o ListenAddress={address} -o UsePAM=no -o PidFile=/run/sshd.pid",
        ]
    )


def _visible_paths() -> list[Path]:
    """The clone, and the Python that its environment refers to."""
    return [ROOT, Path(sys.base_prefix)]


def _first_process(init: subprocess.Popen[bytes], log: Path) -> int:
    """The sshd that a host's script becomes, seen from this machine. Raises `HostCommandError` if it does not start."""
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and init.poll() is None:
        children = Path(f"/proc/{init.pid}/task/{init.pid}/children").read_text().split()
        for child in children:  # of `unshare`, which `ip netns exec` has become
            if "sshd" in Path(f"/proc/{child}/comm").read_text():
                return int(child)
        time.sleep(0.1)
    raise HostCommandError(f"the host did not start:\n{log.read_text()}")


def _clear() -> None:
    """Remove the bridge and the networks of hosts, if there are any."""
    listed = subprocess.check_output(["ip", "netns", "list"], text=True)
    for name in (line.split()[0] for line in listed.splitlines() if line.strip()):
        if name.startswith(_BRIDGE):
            _remove(name)
    links = json.loads(subprocess.check_output(["ip", "-json", "link"], text=True))
    for name in (link["ifname"] for link in links):  # those that outlived their network, and the bridge
        if name.removeprefix("v").startswith(_BRIDGE):
            _ip("link", "del", name)


def _remove(name: str) -> None:
    for pid in subprocess.check_output(["ip", "netns", "pids", name], text=True).split():
        os.kill(int(pid), signal.SIGKILL)
    _ip("netns", "del", name)
    subprocess.run(["ip", "link", "del", f"v{name}"], check=False, stderr=subprocess.DEVNULL)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))


def _ip(*words: str) -> None:
    _run("ip", *words)


def _run(*words: str) -> None:
    done = subprocess.run(words, check=False, stderr=subprocess.PIPE, text=True, timeout=COMMAND_S)
    if done.returncode:
        raise HostCommandError(f"{shlex.join(words)} exited with {done.returncode}: {done.stderr}")
