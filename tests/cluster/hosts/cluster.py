"""A cluster on hosts, started by the project's own file for Ray's cluster launcher, and driven as a user would."""

import json
import time
from collections.abc import Callable

import yaml

from .hosts import ROOT, Host, Hosts

LAUNCHER = ROOT / "cluster" / "ray" / "launcher" / "on-premise.yaml"
_UP_S = 600.0
_JOBS = "RAY_AUTH_MODE=token .venv/bin/ray job"
_LIST_NODES = (
    'import json, ray; ray.init(address="auto"); '
    'alive = {node["NodeManagerHostname"]: node["NodeID"] for node in ray.nodes() if node["Alive"]}; '
    "print(chr(10) + json.dumps(alive))"
)
_LIST_ACTORS = """
import json, ray
from ray.util.state import list_actors
ray.init(address="auto")
hosts = {node["NodeID"]: node["NodeManagerHostname"] for node in ray.nodes()}
actors = list_actors(filters=[("state", "=", "ALIVE")], limit=1000)
print(chr(10) + json.dumps({actor.name: hosts[actor.node_id] for actor in actors if actor.name}))
"""
_PROCESSES = (
    *("ray::", "raylet", "gcs_server", "ray start", "ray/dashboard", "ray/_private"),
    *("automathes", "VLLM::", "nsjail"),
)
_DASHBOARD = "--address http://127.0.0.1:8265"

# What a real machine needs and these have: packages of the system, the clone, its environment.
_DONE_ALREADY = ("apt-get", "git clone", "make setup")


class Cluster:
    """A head and workers. `desk` is the host that `ray up` is called on, as a team's own computer."""

    def __init__(self, hosts: Hosts, desk: Host, head: Host, workers: list[Host], cpus: int | None = None) -> None:
        """`cpus`: how many processors Ray is to count on each host, if not those that there are."""
        self.hosts, self.desk, self.head, self.workers, self.cpus = hosts, desk, head, workers, cpus
        self.file = hosts.shared / "cluster.yaml"
        self.transcript = hosts.shared / "transcript.txt"
        desk.run(".venv/bin/ray get-auth-token --generate")

    def up(self) -> str:
        """`ray up`, which starts Ray anew on all hosts; returns what it printed."""
        self.file.write_text(yaml.safe_dump(launcher_config(self.head, self.workers, self.cpus)))
        return self.on(self.desk, f".venv/bin/ray up --yes --no-config-cache {self.file}", _UP_S)

    def join(self, host: Host) -> None:
        """Start Ray on one more host by hand: the local provider's autoscaler starts none while the cluster runs."""
        self.give_token(host)
        self.on(host, f"RAY_AUTH_MODE=token .venv/bin/ray start --address={self.head.address}:6379")

    def give_token(self, host: Host) -> None:
        """Let a host into the cluster."""
        token = self.desk.run("cat ~/.ray/auth_token")
        host.run(f"mkdir -p ~/.ray && umask 077 && echo {token.strip()} > ~/.ray/auth_token")

    def down(self) -> str:
        """`ray down`; returns what it printed."""
        return self.on(self.desk, f".venv/bin/ray down --yes {self.file}", _UP_S)

    def on(self, host: Host, command: str, limit_s: float = 120.0) -> str:
        """Run a command on a host and add it, and what it printed, to the transcript."""
        printed = host.run(command, limit_s)
        with self.transcript.open("a", encoding="utf-8") as file:
            file.write(f"{host.name}$ {command}\n{printed}\n")
        return printed

    def alive(self) -> set[str]:
        """The names of the hosts whose nodes are alive, as the head sees them."""
        return set(self.nodes())

    def nodes(self) -> dict[str, str]:
        """Ray's ids of the nodes that are alive, by host."""
        listed = self.head.run(f"RAY_AUTH_MODE=token .venv/bin/python -c '{_LIST_NODES}' 2>/dev/null")
        return _json_in(listed)

    def actors(self) -> dict[str, str]:
        """The hosts of the actors that are alive and have a name, by name."""
        listed = self.head.run(f"RAY_AUTH_MODE=token .venv/bin/python -c '{_LIST_ACTORS}' 2>/dev/null")
        return _json_in(listed)

    def submit(self, entrypoint: str) -> str:
        """Submit a job to the cluster; returns its id."""
        printed = self.on(self.head, f"{_JOBS} submit {_DASHBOARD} --no-wait -- {entrypoint}")
        return next(word.strip("'") for word in printed.split() if word.startswith("'raysubmit_"))

    def job_state(self, job: str) -> str:
        """PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED."""
        printed = self.head.run(f"{_JOBS} status {_DASHBOARD} {job}")
        return next(
            state for state in ("SUCCEEDED", "FAILED", "STOPPED", "PENDING", "RUNNING") if state in printed.upper()
        )

    def job_log(self, job: str) -> str:
        """What the job has printed."""
        return self.head.run(f"{_JOBS} logs {_DASHBOARD} {job}")

    def ray_processes(self) -> dict[str, list[str]]:
        """The processes of Ray and of runs on each host."""
        return {
            host.name: [line for line in host.processes().values() if any(name in line for name in _PROCESSES)]
            for host in (self.head, *self.workers)
        }


def launcher_config(head: Host, workers: list[Host], cpus: int | None) -> dict:
    """The project's file with these hosts in the lines that are marked EDIT, and without the steps they do not need."""
    config = yaml.safe_load(LAUNCHER.read_text())
    config["provider"] |= {"head_ip": head.address, "worker_ips": [worker.address for worker in workers]}
    config["auth"] |= {"ssh_user": "root", "ssh_private_key": "~/.ssh/id_ed25519"}
    config["min_workers"] = config["max_workers"] = len(workers)
    for step in ("initialization_commands", "setup_commands"):
        config[step] = [command for command in config[step] if not any(done in command for done in _DONE_ALREADY)]
    if cpus is not None:
        for step in ("head_start_ray_commands", "worker_start_ray_commands"):
            config[step] = [command.replace("ray start", f"ray start --num-cpus={cpus}") for command in config[step]]
    return config


def _json_in(printed: str) -> dict[str, str]:
    """The object in what a program printed: Ray's own lines may stand around it."""
    return dict(json.loads(next(line for line in printed.splitlines() if line.startswith("{"))))


def wait_until(condition: Callable[[], bool], what: str, limit_s: float, log: Callable[[], str] = str) -> None:
    """Wait until the condition holds. Raises `AssertionError` with `log` if it takes too long."""
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come within {limit_s:g} s:\n{log()}"
        time.sleep(1.0)
