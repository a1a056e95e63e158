"""Several texts of one request, made concurrently."""

import asyncio
from collections.abc import Awaitable, Callable

from cluster.serving.errors import ApiError
from cluster.serving.solving.text_request import OnPiece, Piece


async def make_all[Result](
    count: int,
    make: Callable[[int, OnPiece], Awaitable[Result]],
    on_event: Callable[[int, Piece | Result], None],
) -> list[Result]:
    """Make results concurrently: `make` is called with the index of each and what to call with pieces of its text.

    `on_event` is called with the index and a piece, and at the end of a result with the index and the result.

    Raises:
        ApiError: one failed; the others are cancelled.
    """

    async def make_one(index: int) -> Result:
        result = await make(index, lambda piece: on_event(index, piece))
        on_event(index, result)
        return result

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(make_one(index)) for index in range(count)]
    except* ApiError as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]
