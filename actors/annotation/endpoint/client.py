"""Single requests to a teacher, through the `openai` package. Retries are made elsewhere: each must be paid for."""

import asyncio
import os
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from openai import AsyncOpenAI, AsyncStream, Timeout

from actors.annotation.dialogue.replies import Reply, read_reply
from actors.annotation.endpoint.failures import EXPECTED, KEY_VARIABLE, TeacherError, failure_of
from actors.annotation.endpoint.stream import CollectedStream
from actors.annotation.settings import OPENAI_URL, AnnotationSettings

PATH = "/chat/completions"


class TeacherClient:
    """Sends requests to one endpoint. The key is read from the environment and kept nowhere else."""

    def __init__(self, settings: AnnotationSettings) -> None:
        """Raises TeacherError if there is no key and the endpoint is OpenAI's, which needs one."""
        key = os.environ.get(KEY_VARIABLE, "").strip()
        if not key and settings.base_url.rstrip("/") == OPENAI_URL:
            raise TeacherError(f"there is no key for {settings.base_url}: set the environment variable {KEY_VARIABLE}")
        self._settings = settings
        silence_s = settings.silence_s
        self.api = AsyncOpenAI(
            api_key=key or "none",
            base_url=settings.base_url,
            max_retries=0,
            timeout=Timeout(connect=settings.connect_s, read=silence_s, write=silence_s, pool=silence_s),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.api.close()

    async def send(self, body: Mapping[str, Any]) -> Reply:
        """The answer to one request.

        Raises:
            RequestFailure: there is none.
            TeacherError: there will be none to any request.
        """
        try:
            return read_reply(await (self._streamed(body) if self._settings.stream else self._whole(body)))
        except EXPECTED as error:
            raise failure_of(error) from error

    async def _whole(self, body: Mapping[str, Any]) -> Any:
        return await self.api.post(PATH, cast_to=object, body=dict(body))

    async def _streamed(self, body: Mapping[str, Any]) -> Any:
        """The same completion from a stream. The limit is on the time between two parts of it."""
        silence_s = self._settings.silence_s
        wanted = {**body, "stream": True, "stream_options": {"include_usage": True}}
        collected = CollectedStream()
        stream: AsyncStream[object] = await self.api.post(
            PATH, cast_to=object, body=wanted, stream=True, stream_cls=AsyncStream[object]
        )
        async with stream:
            parts = aiter(stream)
            while True:
                async with asyncio.timeout(silence_s):
                    part = await anext(parts, None)
                if part is None:
                    return collected.completion()
                collected.add(part)
