"""Batches of requests at an endpoint: uploaded, begun under a key of ours, polled, and read back."""

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

import openai
from openai import AsyncOpenAI

from actors.annotation.dialogue.replies import BadReplyError, Reply, read_reply
from actors.annotation.endpoint.failures import RequestFailure, TeacherError, failure_of
from actors.annotation.endpoint.pace import Stop
from actors.annotation.settings import AnnotationSettings

log = logging.getLogger(__name__)

_ENDPOINT: Final = "/v1/chat/completions"
_KEY = "automathes"
_ENDED = {"completed", "failed", "expired", "cancelled"}
_LISTED = 1000
_FAILED_POLLS = 20
_MAX_CHARS = 300
# What a batch did not come to is not charged.
_NOT_BEGUN = {"batch_expired", "batch_cancelled"}

type Results = dict[str, Reply | RequestFailure]
"""The answers of a batch by the ids of its requests. One that is missing there may have been answered."""


class _Ended(NamedTuple):
    """A batch that has ended: its status, the ids of its files, and what was wrong with it as a whole."""

    status: str
    files: tuple[str, ...]
    errors: str


class BatchApi:
    """The batches of one endpoint."""

    def __init__(self, settings: AnnotationSettings, api: AsyncOpenAI, stop: Stop) -> None:
        self._settings = settings
        self._api = api
        self._stop = stop

    async def begin(self, key: str, bodies: Mapping[str, Mapping[str, Any]]) -> str:
        """Upload requests by their ids and begin a batch under a key; returns the endpoint's name for it.

        Raises:
            RequestFailure: it was not begun, or, if the failure is lost, it may have been.
        """
        lines = [
            json.dumps({"custom_id": name, "method": "POST", "url": _ENDPOINT, "body": body}, ensure_ascii=False)
            for name, body in bodies.items()
        ]
        data = "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")
        try:
            file = await self._api.files.create(file=(f"{key}.jsonl", data), purpose="batch")
        except openai.APIError as error:
            raise RequestFailure(str(failure_of(error))) from error  # without a batch, nothing is charged
        try:
            batch = await self._api.batches.create(
                input_file_id=file.id, endpoint=_ENDPOINT, completion_window="24h", metadata={_KEY: key}
            )
        except openai.APIError as error:
            raise failure_of(error) from error
        return batch.id

    async def find(self, key: str) -> str | None:
        """The endpoint's name for the batch with a key, None if it is not among the latest.

        Raises:
            RequestFailure: the endpoint does not answer.
        """
        seen = 0
        try:
            async for batch in self._api.batches.list(limit=100):
                seen += 1
                if (batch.metadata or {}).get(_KEY) == key:
                    return batch.id
                if seen >= _LISTED:
                    break
        except openai.APIError as error:
            raise failure_of(error) from error
        return None

    async def results(self, name: str) -> Results:
        """Wait for a batch to end, and read its answers.

        Raises:
            RequestFailure: the endpoint refused the batch, and charges nothing.
            Stopped: the job was told to stop; the batch goes on.
            TeacherError: the endpoint does not answer any more.
        """
        ended = await self._poll(name)
        found: Results = {}
        for file in ended.files:
            content = await self._retried(partial(self._api.files.content, file))
            for line in content.text.split("\n"):
                if line.strip():
                    found |= _result(line)
        if not found and ended.status == "failed":
            raise RequestFailure(f"the endpoint refused batch {name}: {ended.errors}"[:_MAX_CHARS], is_final=True)
        return found

    async def _poll(self, name: str) -> _Ended:
        while True:
            batch = await self._retried(partial(self._api.batches.retrieve, name))
            if batch.status in _ENDED:
                files = (batch.output_file_id, batch.error_file_id)
                return _Ended(batch.status, tuple(file for file in files if file), str(batch.errors))
            await self._stop.sleep(self._settings.batch_poll_s)

    async def _retried(self, call: Callable[[], Awaitable[Any]]) -> Any:
        for _ in range(_FAILED_POLLS):
            try:
                return await call()
            except openai.APIError as error:
                failure = failure_of(error)
                log.warning("batch: %s; tried again", failure)
                await self._stop.sleep(failure.wait_s or self._settings.batch_poll_s)
        raise TeacherError(
            "the endpoint does not answer questions about a batch: the same command goes on with it later"
        )


def _result(line: str) -> Results:
    """The answer in a line of a batch's files, by the id of its request."""
    try:
        row = json.loads(line)
        name, response, error = str(row["custom_id"]), row.get("response") or {}, row.get("error") or {}
        if error.get("code") in _NOT_BEGUN:
            return {name: RequestFailure(str(error["code"]))}
        status = response.get("status_code")
        if status == 200:
            return {name: read_reply(response["body"])}
        if isinstance(status, int):
            is_final = 400 <= status < 500 and status not in (408, 409, 429)
            return {name: RequestFailure(f"HTTP {status} in a batch", is_final=is_final)}
        return {name: RequestFailure(f"no response in a batch: {error}"[:_MAX_CHARS], is_lost=True)}
    except (ValueError, LookupError, TypeError, AttributeError, BadReplyError) as error:
        log.warning("a line of a batch's answers cannot be read: %s", error)
        return {}
