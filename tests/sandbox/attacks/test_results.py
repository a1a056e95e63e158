"""Attacks on the result: a block can neither break the reader nor claim what only the host knows."""

import json
from collections.abc import Awaitable, Callable

import pytest

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox

pytestmark = pytest.mark.asyncio(loop_scope="session")

type Attack = Callable[..., Awaitable[Execution]]


def forge(report: object, length: int | None = None) -> str:
    """A block that writes a forged report to the channel, and then sleeps."""
    body = report if isinstance(report, bytes) else json.dumps(report).encode()
    frame = (len(body) if length is None else length).to_bytes(4, "big") + body
    return f"import os, time\nos.write(3, {frame!r})\ntime.sleep(1000)"


@pytest.mark.parametrize("status", ["sandbox_failure", "timeout", "output_limit", "killed", "", None, 1])
async def test_a_forged_report_cannot_claim_what_only_the_host_knows(attack: Attack, status: object) -> None:
    execution = await attack(forge({"block": 1, "status": status, "value": None, "error": ""}))
    assert execution.status is Status.KILLED
    assert "tampered" in execution.error


@pytest.mark.parametrize(
    "report",
    [
        b"\xff" * 100,
        b"[]",
        b"{}",
        b"null",
        b"[" * 50_000,
        b'{"block": 1, "status": "ok", "value": 7, "error": ""}',
        b'{"block": 1, "status": "ok", "value": null, "error": null}',
        b'{"block": ' + b"9" * 5_000 + b"}",
    ],
    ids=["stray_bytes", "no_object", "empty", "null", "deep", "value_is_a_number", "error_is_none", "huge_number"],
)
async def test_a_malformed_report_ends_only_its_session(attack: Attack, report: bytes) -> None:
    assert (await attack(forge(report))).status is Status.KILLED


async def test_a_report_that_announces_four_gigabytes_is_not_waited_for(attack: Attack) -> None:
    assert (await attack(forge(b"x", length=2**32 - 1))).status is Status.KILLED


async def test_a_report_longer_than_the_interpreter_writes_ends_the_session(attack: Attack) -> None:
    report = {"block": 1, "status": "ok", "value": "x" * 150_000, "error": ""}
    assert (await attack(forge(report))).status is Status.KILLED


async def test_a_second_claim_to_be_confined_is_refused(attack: Attack) -> None:
    assert (await attack(forge({"ready": True}))).status is Status.KILLED


async def test_a_forged_success_is_worth_no_more_than_printing_it(attack: Attack) -> None:
    execution = await attack(forge({"block": 1, "status": "ok", "value": "42", "error": ""}))
    assert (execution.status, execution.value) == (Status.OK, "42")


async def test_a_report_ahead_of_its_block_ends_the_session(attack: Attack) -> None:
    assert (await attack(forge({"block": 2, "status": "ok", "value": "42", "error": ""}))).status is Status.KILLED


async def test_a_second_report_of_a_block_ends_the_session(attack: Attack) -> None:
    report = json.dumps({"block": 1, "status": "ok", "value": "42", "error": ""}).encode()
    frame = len(report).to_bytes(4, "big") + report
    source = f"import os, time\nif os.fork() == 0:\n    time.sleep(0.3)\n    os.write(3, {frame!r})\n    os._exit(0)"
    assert (await attack(source, "time.sleep(20)")).status is Status.KILLED


async def test_descriptors_cannot_be_sent_through_the_channel(attack: Attack) -> None:
    source = """
import array, os, socket
fds = array.array('i', [os.open('/dev/null', os.O_RDONLY)])
socket.socket(fileno=os.dup(3)).sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])"""
    assert "PermissionError" in (await attack(source)).error


async def test_a_closed_channel_ends_the_session(attack: Attack) -> None:
    execution = await attack("import os, time\nos.close(3)\ntime.sleep(1000)")
    assert execution.status is Status.KILLED


async def test_a_channel_closed_between_two_blocks_ends_the_session(attack: Attack) -> None:
    source = "import os, socket, threading, time\n"
    source += "def hang_up():\n    time.sleep(0.3)\n    socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_WR)\n"
    source += "threading.Thread(target=hang_up, daemon=True).start()"
    assert (await attack(source, "time.sleep(5)")).status is Status.KILLED


@pytest.mark.parametrize(
    "source",
    [
        "while True: print('x' * 1000)",
        "import sys\nwhile True: sys.stderr.write('x' * 1000)",
        "import os\nwhile True: os.write(1, b'x' * 65536)",
        "import os\nfor _ in range(4):\n    if os.fork() == 0: break\nwhile True: os.write(2, b'x' * 65536)",
        "import faulthandler, sys\nwhile True: faulthandler.dump_traceback(sys.stderr)",
    ],
    ids=["stdout", "stderr", "below_python", "by_many_processes", "by_the_fault_handler"],
)
async def test_an_output_flood_is_ended(attack: Attack, source: str) -> None:
    execution = await attack(source)
    assert execution.status is Status.OUTPUT_LIMIT
    assert len(execution.stdout) + len(execution.stderr) < 300_000


async def test_a_flood_between_two_blocks_is_ended(attack: Attack) -> None:
    source = "import os, time\nif os.fork() == 0:\n    time.sleep(0.3)\n    while True: os.write(1, b'x' * 65536)"
    assert (await attack(source, "time.sleep(10)")).status is Status.OUTPUT_LIMIT


@pytest.mark.parametrize(
    ("source", "stdout"),
    [
        ("print('a\\0b')", "a\0b\n"),
        ("import os\nos.write(1, b'\\xff\\xfe') and None", "��"),
        ("print('\\ud800')", "\\ud800\n"),
        ("print('\\x1b[2J\\x1b]0;title\\x07')", "\x1b[2J\x1b]0;title\x07\n"),
        ("print('\\r' * 3 + '\\u202e')", "\r\r\r\u202e\n"),
    ],
    ids=["null_bytes", "bad_unicode", "lone_surrogate", "terminal_codes", "direction_marks"],
)
async def test_stray_bytes_are_only_output(attack: Attack, source: str, stdout: str) -> None:
    execution = await attack(source)
    assert (execution.status, execution.stdout) == (Status.OK, stdout)


@pytest.mark.parametrize(
    "source",
    [
        "'\\ud800'",
        "'\ud800'",
        "print(1)\0",
        "\ufeff1",
        "\x0c1",
        "(" * 5_000,
        "-" * 50_000 + "1",
        "x = " + "9" * 100_000,
    ],
    ids=["surrogate", "raw_surrogate", "null", "byte_order_mark", "form_feed", "brackets", "minuses", "digits"],
)
async def test_an_odd_source_breaks_nothing(arena: Sandbox, attack: Attack, source: str) -> None:
    async with arena.session() as session:
        assert (await session.run(source)).status in {Status.OK, Status.ERROR, Status.MEMORY}
        assert (await session.run("1 + 1")).value == "2"


async def test_a_source_that_is_too_long_is_refused(attack: Attack) -> None:
    execution = await attack("#" * 1_000_000)
    assert (execution.status, execution.error[:10]) == (Status.ERROR, "ValueError")


async def test_a_huge_value_is_cut_in_the_middle(attack: Attack) -> None:
    value = (await attack("'a' * 10_000_000")).value or ""
    assert "characters left out" in value
    assert len(value) < 100_000


async def test_a_huge_message_is_cut_in_the_middle(attack: Attack) -> None:
    execution = await attack("raise ValueError('a' * 10_000_000)")
    assert "characters left out" in execution.error
    assert len(execution.error) < 100_000


@pytest.mark.parametrize("method", ["__repr__", "__str__"])
async def test_an_exception_that_cannot_be_shown_is_an_error(attack: Attack, method: str) -> None:
    source = f"class Odd(Exception):\n    def {method}(self): raise SystemExit\nraise Odd"
    assert (await attack(source)).status is Status.ERROR


async def test_a_value_that_cannot_be_shown_is_an_error(attack: Attack) -> None:
    execution = await attack("class Odd:\n    def __repr__(self):\n        return 1 / 0\nOdd()")
    assert (execution.status, execution.value) == (Status.ERROR, None)


async def test_a_traceback_of_one_error_after_another_is_of_bounded_length(attack: Attack) -> None:
    source = """
error = None
for number in range(100_000):
    following = ValueError(number)
    following.__cause__ = error
    error = following
raise error"""
    execution = await attack(source)
    assert execution.status is Status.ERROR
    assert len(execution.error) < 100_000


async def test_an_error_names_no_file_but_the_blocks(attack: Attack) -> None:
    execution = await attack("import sympy\nsympy.sympify('1 +')")
    assert "SympifyError" in execution.error
    assert "/packages" not in execution.error
    assert 'File "<block 1>", line 2' in execution.error


async def test_replaced_streams_lose_only_their_own_output(attack: Attack) -> None:
    assert (await attack("import sys\nkept = sys.stdout\nsys.stdout = None", "sys.stdout = kept\n3")).value == "3"


async def test_an_error_in_a_group_names_no_file_but_the_blocks(attack: Attack) -> None:
    source = """
import json
try: json.loads('{')
except ValueError as error: raise ExceptionGroup('several', [error])"""
    execution = await attack(source)
    assert "JSONDecodeError" in execution.error
    assert ".py" not in execution.error


async def test_an_error_is_reported_even_if_its_traceback_cannot_be_shown(attack: Attack) -> None:
    execution = await attack("import traceback\ntraceback.TracebackException = None", "1 / 0")
    assert (execution.status, execution.error) == (
        Status.ERROR,
        "ZeroDivisionError: its traceback cannot be shown",
    )


async def test_lone_surrogates_in_a_value_or_an_error_are_escaped(attack: Attack) -> None:
    value = await attack("class Odd:\n    def __repr__(self): return '\\ud800'\nOdd()")
    error = await attack("raise ValueError('\\ud800')")
    assert value.value == "\\ud800"
    assert error.error.endswith("ValueError: \\ud800")
    (value.value + error.error).encode()
