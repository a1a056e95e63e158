"""A private PostgreSQL server in a temporary folder. It opens no port, unless told to, and touches nothing else."""

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

COMMAND_S = 300


class PostgresqlServer:
    """Runs inside a `with` block. It can be stopped and started again there, and keeps committed data."""

    def __init__(self, options: str = "", parent: Path | None = None, network: str | None = None) -> None:
        """`network`, such as 10.0.0.0/24, may connect without a password, to the address that `options` name."""
        binaries = find_binaries()
        if binaries is None:
            raise FileNotFoundError("no PostgreSQL server: initdb is neither under /usr/lib/postgresql nor on the PATH")
        self._binaries = binaries
        self._user = _unprivileged_user()
        self.folder = Path(tempfile.mkdtemp(prefix="automathes-pg-", dir=parent))
        # The path of a Unix socket is limited to about 100 characters.
        self._socket = Path(tempfile.mkdtemp(prefix="automathes-pg-"))
        if self._user is not None:
            for folder in (self.folder, self._socket):
                shutil.chown(folder, self._user)
        self._network = network
        self._options = f"-c listen_addresses= -c unix_socket_directories={self._socket} {options}"

    @property
    def url(self) -> str:
        """The URL of the database that every server has."""
        return f"postgresql://automathes@/postgres?host={self._socket}"

    def create_database(self, name: str) -> str:
        """Create an empty database and return its URL."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return f"postgresql://automathes@/{name}?host={self._socket}"

    def start(self) -> None:
        """Start the server and wait until it accepts connections."""
        self._command("pg_ctl", "-D", self._data, "-l", f"{self.folder}/log", "-o", self._options, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop the server. `immediate` is like a kill: connections break, and the next start recovers from the log."""
        self._command("pg_ctl", "-D", self._data, "-m", mode, "-w", "stop")

    def __enter__(self) -> Self:
        self._command("initdb", "-D", self._data, "-U", "automathes", "--auth=trust", "--no-sync")
        if self._network is not None:
            with Path(self._data, "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {self._network} trust\n")
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if Path(self._data, "postmaster.pid").exists():
            self.stop()
        for folder in (self.folder, self._socket):
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def _data(self) -> str:
        return f"{self.folder}/data"

    def _command(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [self._binaries / name, *arguments],
            user=self._user,
            cwd=self.folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=COMMAND_S,
        )


def find_binaries() -> Path | None:
    """The folder of initdb and pg_ctl, of the newest installed version."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    on_path = shutil.which("initdb")
    return folders[-1] if folders else Path(on_path).resolve().parent if on_path else None


def _unprivileged_user() -> str | None:
    """The user to run the server as, since PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
