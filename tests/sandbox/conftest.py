from collections.abc import AsyncIterator

import pytest

from sandbox.interpreter import Sandbox, Session
from sandbox.settings import SandboxSettings

MIB = 1024**2


@pytest.fixture
def settings() -> SandboxSettings:
    return SandboxSettings(preload=(), block_wall_s=5, memory_bytes=256 * MIB, output_bytes=100_000)


@pytest.fixture
async def sandbox(settings: SandboxSettings) -> AsyncIterator[Sandbox]:
    async with Sandbox(settings) as sandbox:
        yield sandbox


@pytest.fixture
async def session(sandbox: Sandbox) -> AsyncIterator[Session]:
    async with sandbox.session() as session:
        yield session
