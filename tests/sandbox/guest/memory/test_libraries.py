"""Shared libraries in huge pages, and what sessions have of their own although they share the parent's memory."""

import pytest

from sandbox.execution import Status
from sandbox.interpreter import Sandbox
from sandbox.settings import SandboxSettings

COMPUTE = """
import numpy, scipy.linalg, sympy
x = sympy.Symbol("x")
print(round(float(scipy.linalg.norm(numpy.array([3.0, 4.0]))), 6), sympy.integrate(x**2, (x, 0, 3)))
"""
DRAW = """
import random, numpy, sympy.core.random as of_sympy
random.gauss(0, 1), numpy.random.rand(), numpy.random.randn(), of_sympy.rng.random()
"""


@pytest.mark.parametrize("move", [True, False])
async def test_sessions_compute_the_same_wherever_the_libraries_lie(move: bool) -> None:
    async with Sandbox(SandboxSettings(move_libraries=move)) as sandbox, sandbox.session() as session:
        execution = await session.run(COMPUTE)
    assert (execution.status, execution.stdout, execution.error) == (Status.OK, "5.0 9\n", "")


async def test_each_session_draws_numbers_of_its_own() -> None:
    drawn = []
    async with Sandbox(SandboxSettings()) as sandbox:
        for _ in range(3):
            async with sandbox.session() as session:
                execution = await session.run(DRAW)
                assert execution.status is Status.OK, execution.error
                drawn.append((execution.value or "").split(", "))
    assert all(len(set(values)) == 3 for values in zip(*drawn, strict=True))
