"""What honest mathematics needs besides the preloaded modules."""

import pytest

from sandbox.execution import Status
from sandbox.interpreter import Sandbox, Session
from sandbox.settings import SandboxSettings


async def test_an_integer_of_any_length_can_be_printed(session: Session) -> None:
    assert len((await session.run("print(2**100_000)")).stdout.strip()) == 30_103


async def test_a_long_integer_can_be_read(session: Session) -> None:
    assert (await session.run("int('9' * 20_000) % 9, len(str(int('1' * 20_000)))")).value == "(0, 20000)"


async def test_an_integer_too_long_to_print_within_the_limits_ends_as_others_do(session: Session) -> None:
    execution = await session.run("print(1 << 1_000_000)")
    assert execution.status in {Status.OUTPUT_LIMIT, Status.TIMEOUT}


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("import networkx as nx\nnx.diameter(nx.petersen_graph())", "2"),
        ("import pandas as pd\nint(pd.DataFrame({'k': [1, 1], 'v': [2, 3]}).groupby('k').v.sum()[1])", "5"),
        ("import pandas as pd\npd.Timestamp('2024-02-29', tz='Europe/Berlin').day_name()", "'Thursday'"),
        ("from scipy.optimize import brentq\nround(brentq(lambda x: x * x - 4, 0, 5), 6)", "2.0"),
    ],
    ids=["networkx", "pandas", "time_zones", "scipy"],
)
async def test_a_module_that_is_not_preloaded_can_be_imported(session: Session, source: str, value: str) -> None:
    execution = await session.run(source)
    assert execution.value == value, execution.error


async def test_a_library_that_a_block_loads_starts_no_threads(settings: SandboxSettings) -> None:
    source = """
import ctypes, glob, scipy.linalg
ctypes.CDLL(glob.glob('/packages/scipy.libs/libscipy_openblas*')[0]).scipy_openblas_get_num_threads()"""
    async with Sandbox(settings.model_copy(update={"processes": 1})) as sandbox, sandbox.session() as session:
        execution = await session.run(source)
    assert execution.value == "1", execution.error


async def test_a_failed_import_names_the_modules_that_there_are(session: Session) -> None:
    error = (await session.run("import gmpy2")).error.splitlines()[-1]
    assert error.startswith("ModuleNotFoundError: No module named 'gmpy2'; besides the standard library")
    for name in ("sympy", "numpy", "scipy", "mpmath", "networkx", "pandas"):
        assert name in error


async def test_a_failed_import_of_a_plotting_module_says_that_only_text_is_read(session: Session) -> None:
    assert "only text is read" in (await session.run("import matplotlib.pyplot as plt")).error


@pytest.mark.parametrize("source", ["import sympy.nothing", "from math import nothing", "1 / 0"])
async def test_other_errors_name_no_modules(session: Session, source: str) -> None:
    assert "can be imported" not in (await session.run(source)).error


async def test_a_caught_import_error_lets_a_block_go_on(session: Session) -> None:
    source = "try: import gmpy2\nexcept ImportError as error: print(error)"
    assert (await session.run(source)).stdout == "No module named 'gmpy2'\n"


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("import os, shutil\nopen('a', 'w').close()\nshutil.copy2('a', 'b')\nshutil.move('b', 'c')", "'c'"),
        ("import os\nwith open('a', 'w') as file: os.fsync(file.fileno())", None),
        ("import numpy\nint(numpy.memmap('a', dtype='i4', mode='w+', shape=10).sum())", "0"),
        ("import numpy\nnumpy.save('a.npy', numpy.arange(5))\nint(numpy.load('a.npy', mmap_mode='r').sum())", "10"),
        ("import tempfile\nwith tempfile.TemporaryDirectory() as folder: open(folder + '/a', 'w').close()", None),
        ("import sqlite3\nsqlite3.connect(':memory:').execute('select 3').fetchall()", "[(3,)]"),
        ("from concurrent.futures import ThreadPoolExecutor\nlist(ThreadPoolExecutor(4).map(abs, [-1, 2]))", "[1, 2]"),
        (
            "from multiprocessing import Pipe, Process\na, b = Pipe()\np = Process(target=lambda: b.send(6))\n"
            "p.start()\nreceived = a.recv()\np.join()\nreceived, p.exitcode",
            "(6, 0)",
        ),
        (
            "import subprocess\nsubprocess.run(['/python/bin/python3', '-S', '-c', 'print(2)'], capture_output=True,"
            " env={'LD_LIBRARY_PATH': '/python/lib'}).stdout",
            "b'2\\n'",
        ),
        (
            "import signal, time\nhits = []\nsignal.signal(signal.SIGALRM, lambda *_: hits.append(1))\n"
            "signal.setitimer(signal.ITIMER_REAL, 0.01)\ntime.sleep(0.1)\nhits",
            "[1]",
        ),
        ("import asyncio\nasync def wait(): return await asyncio.sleep(0.01, 7)\nasyncio.run(wait())", "7"),
        (
            "import ctypes, glob, numpy\nblas = ctypes.CDLL(glob.glob('/packages/numpy.libs/libscipy_openblas*')[0])\n"
            "blas.scipy_openblas_set_num_threads64_(2)\nint((numpy.ones((200, 200)) @ numpy.ones((200, 200)))[0, 0])",
            "200",
        ),
    ],
    ids=[
        *("copies", "flush", "mapped_file", "mapped_array", "temporary_folder", "database_in_memory", "threads"),
        *("process", "interpreter", "timer", "event_loop", "threads_of_openblas"),
    ],
)
async def test_ordinary_use_of_the_system_works(session: Session, source: str, value: str | None) -> None:
    execution = await session.run(source)
    assert (execution.status, execution.value) == (Status.OK, value), execution.error
