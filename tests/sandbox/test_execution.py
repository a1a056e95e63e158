"""The result of a block, and how it is shown."""

import pytest

from sandbox.execution import Execution, Status
from sandbox.interpreter import Sandbox, Session


async def test_blocks_of_a_session_share_variables(session: Session) -> None:
    await session.run("def double(x):\n    return 2 * x")
    assert (await session.run("double(21)")).value == "42"


async def test_sessions_do_not_share_variables(sandbox: Sandbox) -> None:
    async with sandbox.session() as one, sandbox.session() as other:
        await one.run("x = 1")
        assert "NameError" in (await other.run("x")).error


async def test_last_expression_is_shown_as_in_a_notebook(session: Session) -> None:
    assert (await session.run("x = 'a'\nx")).value == "'a'"


async def test_no_value_when_the_last_statement_is_no_expression_or_none(session: Session) -> None:
    assert (await session.run("x = 1")).value is None
    assert (await session.run("None")).value is None
    assert (await session.run("")).value is None


async def test_stdout_and_stderr_are_separate(session: Session) -> None:
    execution = await session.run("import sys\nprint('out')\nprint('err', file=sys.stderr)")
    assert (execution.stdout, execution.stderr) == ("out\n", "err\n")


async def test_output_below_python_is_kept(session: Session) -> None:
    assert (await session.run("import os\nos.write(1, b'raw')")).stdout == "raw"


async def test_error_has_the_blocks_frames_and_the_last_line(session: Session) -> None:
    await session.run("def f(x):\n    return 1 / x")
    execution = await session.run("f(0)")
    assert execution.status is Status.ERROR
    assert execution.error.splitlines()[-1] == "ZeroDivisionError: division by zero"
    assert 'File "<block 2>", line 1' in execution.error
    assert 'File "<block 1>", line 2, in f' in execution.error
    assert "return 1 / x" in execution.error


async def test_error_names_no_file_but_the_blocks(session: Session) -> None:
    execution = await session.run("import json\njson.loads('{')")
    assert "JSONDecodeError" in execution.error
    assert ".py" not in execution.error


async def test_syntax_error_is_an_error(session: Session) -> None:
    execution = await session.run("1 +")
    assert execution.status is Status.ERROR
    assert execution.error.splitlines()[-1].startswith("SyntaxError")


async def test_a_session_goes_on_after_an_error(session: Session) -> None:
    await session.run("x = 1\n1 / 0")
    assert (await session.run("x")).value == "1"


async def test_what_was_printed_before_an_error_is_kept(session: Session) -> None:
    assert (await session.run("print('before')\n1 / 0")).stdout == "before\n"


async def test_a_block_longer_than_the_channels_buffer_runs(session: Session) -> None:
    assert (await session.run("#" * 250_000 + "\n7")).value == "7"


@pytest.mark.parametrize(
    ("execution", "shown"),
    [
        (Execution(Status.OK, stdout="1\n", value="2"), "1\n2"),
        (Execution(Status.OK, value="2"), "2"),
        (Execution(Status.OK), ""),
        (Execution(Status.ERROR, stdout="1\n", error="Traceback\n  File\nValueError: no"), "1\nValueError: no"),
        (Execution(Status.TIMEOUT, error="TimeoutError: too long"), "TimeoutError: too long"),
    ],
)
def test_shown_is_the_output_then_the_value_or_the_last_line_of_the_error(execution: Execution, shown: str) -> None:
    assert execution.shown(100) == shown


def test_shown_cuts_long_output_in_the_middle_and_keeps_the_value() -> None:
    shown = Execution(Status.OK, stdout="a" * 500 + "b" * 500, value="42").shown(100)
    assert "902 characters left out" in shown
    assert shown.startswith("aaa")
    assert shown.endswith("bbb\n42")
