"""Following the store: a sampler loads the policy that its leases name, while it goes on sampling with its own.

One that is late, or whose load fails, delays no other sampler: it samples what its own policy may, and tries again.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from typing import Protocol

from actors.engine import SwapError
from store.records import PolicyPointer

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 2.0
_LONGEST_PAUSE_S = 60.0
REFUSALS_ALLOWED = 5
"""Refusals of one policy after which the sampler starts afresh with it: a new engine may load what this one cannot."""


class SwappingEngine(Protocol):
    """The part of an engine that a follower uses."""

    @property
    def version(self) -> int:
        """The version that is loaded."""
        ...

    async def prefetch(self, policy: PolicyPointer) -> None:
        """Check the folder of a policy, and read it into memory, while requests go on."""
        ...

    async def swap(self, policy: PolicyPointer) -> None:
        """Load the weights of a policy into the running engine."""
        ...


class PolicyRefusedError(RuntimeError):
    """The engine refused a policy again and again; the message has the last reason."""


class PolicyFollower:
    """Keeps an engine on the policy that was named last.

    A swap is made within the context that `settled` returns, which begins once no evaluation is under way.
    """

    def __init__(self, engine: SwappingEngine, settled: Callable[[], AbstractAsyncContextManager[None]]) -> None:
        self._engine = engine
        self._settled = settled
        self._target: PolicyPointer | None = None
        self._has_target = asyncio.Event()
        self._changed = asyncio.Condition()
        self.refusal: str | None = None
        """Why the policy that was named last is not loaded; None while nothing is wrong."""

    @property
    def version(self) -> int:
        """The version that is loaded."""
        return self._engine.version

    @property
    def target(self) -> PolicyPointer | None:
        """The policy that is to be loaded; None if the engine holds it."""
        return self._target if self._target is not None and self._target.version != self.version else None

    def follow(self, policy: PolicyPointer | None) -> None:
        """Name the policy to load, without waiting. None changes nothing."""
        if policy is not None and policy != self._target:
            self._target, self.refusal = policy, None
            self._has_target.set()

    async def loaded(self, policy: PolicyPointer) -> None:
        """Name a policy and wait until it is loaded.

        Raises:
            SwapError: it was refused, or another policy was named meanwhile.
        """
        self.follow(policy)
        async with self._changed:
            await self._changed.wait_for(
                lambda: self.version == policy.version or self.refusal is not None or self._target != policy
            )
        if self.version != policy.version:
            raise SwapError(self.refusal or f"policy {policy.version} was replaced by another one before it was loaded")

    async def run(self) -> None:
        """Load what is named until cancelled.

        Raises:
            PolicyRefusedError: a policy was refused too often.
            EngineDied: the engine is dead, or cannot be trusted any more.
        """
        while True:
            await self._has_target.wait()
            self._has_target.clear()
            await self._notify()
            if (target := self.target) is not None:
                await self._load_with_retries(target)

    async def _load_with_retries(self, policy: PolicyPointer) -> None:
        """Load a policy, or give up once another one is named."""
        refusals, pause_s = 0, _FIRST_PAUSE_S
        while self._target == policy:
            try:
                await self._load(policy)
                return
            except SwapError as error:
                refusals += 1
                await self._refuse(policy, error, refusals)
            await self._wait_for_another(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _load(self, policy: PolicyPointer) -> None:
        """Load a policy, unless another one is named while it is read or evaluations are completed."""
        await self._engine.prefetch(policy)
        async with self._settled():
            if self._target != policy:
                return
            await self._engine.swap(policy)
            self.refusal = None
        await self._notify()
        log.info("policy %d is loaded", policy.version)

    async def _refuse(self, policy: PolicyPointer, error: SwapError, refusals: int) -> None:
        log.warning("policy %d was refused (%d times): %s", policy.version, refusals, error)
        if self._target == policy:
            self.refusal = str(error)
        await self._notify()
        if refusals >= REFUSALS_ALLOWED:
            raise PolicyRefusedError(f"policy {policy.version} was refused {refusals} times: {error}") from error

    async def _wait_for_another(self, pause_s: float) -> None:
        """Wait before the next try; another policy is loaded without a pause."""
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._has_target.wait()

    async def _notify(self) -> None:
        """Wake those that wait for a policy: it was loaded, refused or replaced."""
        async with self._changed:
            self._changed.notify_all()
