"""Pauses of the run: a sampler starts its engine in none, and gives the memory back in a long one."""

import asyncio
from collections.abc import Callable

from actors.sampling.store_calls import StoreCalls
from store.runs.run import Run
from store.runs.run_state import DesiredState

_POLL_S = 1.0


class Pauses:
    """The pauses of a run, from its store."""

    def __init__(self, run: Run, calls: StoreCalls, release_s: float) -> None:
        """A pause is long after `release_s` seconds in which a sampler has had nothing under way; `inf`: never."""
        self._run = run
        self._calls = calls
        self._release_s = release_s
        self.are_waited_for = False
        """Whether a pause's end is waited for."""

    async def over(self) -> None:
        """Return once the run is not paused."""
        try:
            while await self._is_paused():
                self.are_waited_for = True
                await asyncio.sleep(_POLL_S)
        finally:
            self.are_waited_for = False

    async def long(self, is_idle: Callable[[], bool]) -> None:
        """Return once there is a long pause."""
        clock = asyncio.get_running_loop().time
        since = clock()
        while True:
            if not (await self._is_paused() and is_idle()):
                since = clock()
            elif clock() - since >= self._release_s:
                return
            await asyncio.sleep(min(_POLL_S, self._release_s))

    async def _is_paused(self) -> bool:
        return await self._calls.call(self._run.desired) is DesiredState.PAUSED
