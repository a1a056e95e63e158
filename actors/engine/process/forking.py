"""The process of an engine, forked from one that has vLLM imported.

An engine's process would import vLLM again after the sampler has: ten seconds of processor time, more than the rest of
its start. So a process is started beside the sampler which does nothing but import. The engine is forked from it, and
so is each later one, if the engine must be started again. Both end with the sampler.
"""

import ctypes
import multiprocessing
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

_IMPORTS = "actors.engine.process.imports"
_ROOT = Path(__file__).parents[3]
_PR_SET_PDEATHSIG = 1  # of linux/prctl.h


def start_importing() -> None:
    """Start the process that imports vLLM, if there is none. Returns at once.

    The environment must be as the engine needs it: what is read when torch is imported cannot be changed later.
    """
    multiprocessing.set_forkserver_preload([_IMPORTS])
    with _module_path():
        forkserver.ensure_running()


@contextmanager
def forked_engines() -> Iterator[None]:
    """Within this context, vLLM forks the process of an engine instead of starting an interpreter for it."""
    from vllm.v1.engine import utils

    start_importing()
    make_context = utils.get_mp_context
    utils.get_mp_context = _Context
    try:
        yield
    finally:
        utils.get_mp_context = make_context


class _EngineProcess(ForkServerProcess):
    """Runs with the environment that its maker had, as a process that is not forked from elsewhere would."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._environment = dict(os.environ)

    def run(self) -> None:
        _end_with_fork_server()
        _find_title()
        os.environ.clear()
        os.environ.update(self._environment)
        super().run()


def _end_with_fork_server() -> None:
    """Have the system kill this process when the one that it was forked from ends, also while it is stopped.

    The fork server ends once no process holds the end of its pipe any more that the sampler has. A forked process gets
    it too, in order to fork more.
    """
    server: Any = forkserver._forkserver
    if server._forkserver_alive_fd is not None:
        os.close(server._forkserver_alive_fd)
        server._forkserver_alive_fd = None
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == 1:
        os._exit(1)


def _find_title() -> None:
    """Let the process's title be found, which vLLM sets: it is no longer once the environment beside it has moved."""
    with suppress(ImportError):
        import setproctitle

        setproctitle.getproctitle()


class _Context(ForkServerContext):
    Process = _EngineProcess


@contextmanager
def _module_path() -> Iterator[None]:
    """Let a new interpreter find this project: the fork server does not get the module search path of its maker."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(_ROOT), *([before] if before else [])])
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
