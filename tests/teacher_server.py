"""A server that speaks OpenAI's API and misbehaves as told. It adds, and counts what it was asked and would charge.

It runs in a thread of its own, so that clients which are killed do not take it with them.
"""

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

MODEL = "adder-1"
INPUT_PRICE, OUTPUT_PRICE = 2, 8  # millionths of a dollar per token: dollars per million
PRICE = f"{INPUT_PRICE},{OUTPUT_PRICE}"
_QUESTION = re.compile(r"What is (\d+) \+ (\d+)\?")
_HANG_S = 30.0
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True)
class Asked:
    """A request: the question, the number of the turn, the temperature, how it was answered, and what that costs."""

    question: str
    turn: int
    temperature: float
    how: str
    charged_microusd: int
    tokens: int
    body: dict[str, Any] = field(compare=False, repr=False)

    @property
    def place(self) -> tuple[str, int, float]:
        """What distinguishes it from other requests, if temperatures differ."""
        return self.question, self.turn, self.temperature


type Behaviour = Callable[[dict[str, Any], int], str]
"""How to answer a request, from its body and its number: the name of one of the methods of `_Answers`."""


class TeacherServer:
    """Answers at `url`. `asked` lists the requests; `behaviour` may be replaced at any time."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = lambda body, number: "answer"
        self.wrong: Callable[[str, float], int] = lambda question, temperature: 0  # added to its sums
        self.code: Callable[[str, str, float], str] | None = None  # instead of a plain sum
        self.rewrite: Callable[[str], str] | None = None  # of a question, where no sum is asked for
        self.asked: list[Asked] = []
        self.delay_s = 0.0
        self.url = ""
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.polls_until_ended = 1
        self.refuses_batches = False

    @property
    def charged_microusd(self) -> int:
        """What all requests cost."""
        return sum(one.charged_microusd for one in self.asked)

    @property
    def counts(self) -> Counter[str]:
        """The requests, by how they were answered."""
        return Counter(one.how for one in self.asked)

    def record(self, body: dict[str, Any], how: str, usage: dict[str, int]) -> None:
        """Count a request."""
        free = how in ("rate_limit", "error_500", "unauthorized", "refuse", "slow_down")
        cost = usage["prompt_tokens"] * INPUT_PRICE + usage["completion_tokens"] * OUTPUT_PRICE
        if self.rewrite is not None:
            question, turn = str(body["messages"][-1]["content"]), 0
        else:
            question = question_of(body)
            turn = sum(m["role"] == "assistant" for m in body["messages"][last_question(body) :])
        place = question, turn, body["temperature"]
        self.asked.append(Asked(*place, how, 0 if free else cost, 0 if free else usage["total_tokens"], body))


def last_question(body: dict[str, Any]) -> int:
    """The position of the last message that asks for a sum."""
    return max(i for i, m in enumerate(body["messages"]) if m["role"] == "user" and _QUESTION.search(m["content"]))


def question_of(body: dict[str, Any]) -> str:
    """The question that is asked."""
    return str(body["messages"][last_question(body)]["content"])


def completion(server: TeacherServer, body: dict[str, Any]) -> dict[str, Any]:
    """The right answer to a request."""
    if server.rewrite is not None:
        message, finish = {"role": "assistant", "content": server.rewrite(str(body["messages"][-1]["content"]))}, "stop"
    else:
        message, finish = _addition(server, body)
    written = len(json.dumps(message)) // 4
    prompt = len(json.dumps(body["messages"])) // 4
    usage = {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written}
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return {
        "id": f"chatcmpl-{len(server.asked)}",
        "object": "chat.completion",
        "model": "adder-1-2026-01-01",
        "system_fingerprint": "fp_1",
        "choices": [choice],
        "usage": usage,
    }


def _addition(server: TeacherServer, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """Code at first, then what it printed; and why the message ended."""
    position = last_question(body)
    a, b = _QUESTION.search(body["messages"][position]["content"]).groups()  # type: ignore[union-attr]
    later = body["messages"][position + 1 :]
    shown = [m["content"] for m in later if m["role"] in ("user", "tool")]
    message: dict[str, Any] = {"role": "assistant", "content": None}
    finish = "stop"
    if not shown or "not run" in shown[-1]:
        extra = server.wrong(question_of(body), body["temperature"])
        code = f"print({a} + {b} + {extra})"
        if server.code is not None:
            code = server.code(a, b, body["temperature"])
        if "tools" in body:
            function = {"name": "python", "arguments": json.dumps({"code": code})}
            message["tool_calls"] = [{"id": f"call_{len(later)}", "type": "function", "function": function}]
            message["content"], finish = "I add the numbers.", "tool_calls"
        else:
            message["content"] = f"I add the numbers.\n\n```python\n{code}\n```\n"
    else:
        number = re.findall(r"-?\d+", shown[-1])[-1]
        message["content"] = f"The sum is \\boxed{{{number}}}. Final Answer: ${number}$"
    return message, finish


class _Answers:
    """The ways to answer one request."""

    def __init__(self, server: TeacherServer, writer: asyncio.StreamWriter, body: dict[str, Any]) -> None:
        self._server = server
        self._writer = writer
        self._body = body
        self._completion = completion(server, body)

    async def give(self, how: str) -> None:
        self._server.record(self._body, how, self._completion["usage"])
        await asyncio.sleep(self._server.delay_s)
        await getattr(self, how)()

    async def answer(self) -> None:
        if self._body.get("stream"):
            await self._stream(self._chunks())
        else:
            await self._json(200, self._completion)

    async def rate_limit(self) -> None:
        await self._json(429, _error("slow down"), {"retry-after-ms": "30"})

    async def slow_down(self) -> None:
        await self._json(429, _error("slow down"), {"retry-after": "1"})

    async def error_500(self) -> None:
        await self._json(500, _error("internal error"))

    async def error_504(self) -> None:
        await self._json(504, _error("gateway timeout"))

    async def unauthorized(self) -> None:
        await self._json(401, _error("invalid key"))

    async def refuse(self) -> None:
        await self._json(400, _error("this question is not answered"))

    async def hang(self) -> None:
        await asyncio.sleep(_HANG_S)

    async def hang_in_stream(self) -> None:
        await self._stream(self._chunks()[:1], end=False)
        await asyncio.sleep(_HANG_S)

    async def cut(self) -> None:
        """Close the connection in the middle of the answer."""
        if self._body.get("stream"):
            await self._stream(self._chunks()[:2], end=False)
        else:
            await self._head(200, "application/json", {"content-length": "1000"})
            self._writer.write(json.dumps(self._completion).encode()[:50])

    async def end_early(self) -> None:
        """End the stream in good order, but before the answer has ended."""
        await self._stream(self._chunks()[:2])

    async def wrong_json(self) -> None:
        if self._body.get("stream"):
            await self._head(200, "text/event-stream", {"connection": "close"})
            self._writer.write(b'data: {"choices": [{"delta": {"content"\n\ndata: [DONE]\n\n')
        else:
            await self._raw(200, "application/json", b'{"choices": [{"message"')

    async def wrong_bytes(self) -> None:
        """Send what is no UTF-8."""
        if self._body.get("stream"):
            await self._head(200, "text/event-stream", {"connection": "close"})
            self._writer.write(b"data: \xff\xfe\n\n")
        else:
            await self._raw(200, "application/json", b"\xff\xfe")

    async def nested(self) -> None:
        """Send JSON that no parser reads to its end."""
        if self._body.get("stream"):
            await self._head(200, "text/event-stream", {"connection": "close"})
            self._writer.write(b"data: " + b"[" * 200_000 + b"\n\n")
        else:
            await self._raw(200, "application/json", b"[" * 200_000)

    async def wrong_shape(self) -> None:
        if self._body.get("stream"):
            await self._stream([["no", "completion"]])
        else:
            await self._json(200, {"choices": []})

    async def no_usage(self) -> None:
        del self._completion["usage"]
        await self.answer()

    async def bad_usage(self) -> None:
        self._completion["usage"] = {"prompt_tokens": "many", "completion_tokens": -3}
        await self.answer()

    async def bad_arguments(self) -> None:
        message = self._completion["choices"][0]["message"]
        if message.get("tool_calls"):
            message["tool_calls"][0]["function"]["arguments"] = '{"code": "print('
        await self.answer()

    async def huge_usage(self) -> None:
        self._completion["usage"] = {"prompt_tokens": 10**6, "completion_tokens": 10**6, "total_tokens": 2 * 10**6}
        await self.answer()

    def _chunks(self) -> list[Any]:
        choice = self._completion["choices"][0]
        message = choice["message"]
        text = message["content"] or ""
        head = {name: self._completion[name] for name in ("id", "model", "system_fingerprint")}
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": text[i : i + 12]} for i in range(0, len(text), 12)]
        for call in message.get("tool_calls", ()):
            function = call["function"]
            deltas.append({"tool_calls": [{"index": 0, "id": call["id"], "function": {"name": function["name"]}}]})
            for part in (function["arguments"][:8], function["arguments"][8:]):
                deltas.append({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
        chunks = [head | {"choices": [{"index": 0, "delta": delta}]} for delta in deltas]
        end = {"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}
        usage = {"usage": self._completion["usage"]} if "usage" in self._completion else {}
        return [*chunks, head | {"choices": [end]}, head | {"choices": []} | usage]

    async def _stream(self, chunks: list[Any], *, end: bool = True) -> None:
        await self._head(200, "text/event-stream", {"connection": "close"})
        for chunk in chunks:
            self._writer.write(f"data: {json.dumps(chunk)}\n\n".encode())
            await self._writer.drain()
        if end:
            self._writer.write(b"data: [DONE]\n\n")

    async def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        await self._raw(status, "application/json", json.dumps(value).encode(), headers)

    async def _raw(self, status: int, kind: str, data: bytes, headers: dict[str, str] | None = None) -> None:
        await self._head(status, kind, {"content-length": str(len(data))} | (headers or {}))
        self._writer.write(data)

    async def _head(self, status: int, kind: str, headers: dict[str, str]) -> None:
        await write_head(self._writer, status, {"content-type": kind, "connection": "close"} | headers)


async def write_head(writer: asyncio.StreamWriter, status: int, headers: dict[str, str]) -> None:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Error')}", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
    await writer.drain()


async def _handle(server: TeacherServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = re.search(r"content-length: (\d+)", head, re.IGNORECASE)
        data = await reader.readexactly(int(length.group(1))) if length else b""
        method, path, _ = head.split(" ", 2)
        if path == "/v1/chat/completions":
            body = json.loads(data)
            await _Answers(server, writer, body).give(server.behaviour(body, len(server.asked)))
        elif path.startswith(("/v1/files", "/v1/batches")):
            await _give_bytes(writer, _Batches(server).answer(method, path.partition("?")[0], data))
        else:
            await write_head(writer, 404, {"content-length": "0", "connection": "close"})
        await writer.drain()
    writer.close()


class _Batches:
    """Files and batches. A batch is answered when it is begun, and has ended when it is asked for the second time."""

    def __init__(self, server: TeacherServer) -> None:
        self._server = server

    def answer(self, method: str, path: str, data: bytes) -> bytes:
        match method, path.split("/")[2:]:
            case "POST", ["files"]:
                return self._json({"id": self._keep(_file_in_form(data)), "object": "file"})
            case "GET", ["files", name, "content"]:
                return self._server.files[name]
            case "POST", ["batches"]:
                return self._json(self._begin(json.loads(data)))
            case "GET", ["batches"]:
                return self._json({"object": "list", "data": list(self._server.batches.values()), "has_more": False})
            case "GET", ["batches", name]:
                batch = self._server.batches[name]
                batch["polls"] += 1
                ended = batch["polls"] > self._server.polls_until_ended
                if self._server.refuses_batches:
                    return self._json(batch | {"status": "failed", "output_file_id": None})
                return self._json(batch | {"status": "completed" if ended else "in_progress"})
        raise AssertionError((method, path))

    def _begin(self, request: dict[str, Any]) -> dict[str, Any]:
        lines = self._server.files[request["input_file_id"]].decode().splitlines()
        rows = [row for line in lines if (row := self._row(json.loads(line))) is not None]
        output = self._keep("".join(f"{row}\n" for row in rows).encode())
        name = f"batch_{len(self._server.batches)}"
        batch = {"id": name, "object": "batch", "metadata": request["metadata"], "output_file_id": output, "polls": 0}
        self._server.batches[name] = batch
        return batch | {"status": "validating"}

    def _row(self, line: dict[str, Any]) -> str | None:
        """The line of an answer, None for one that is missing."""
        body, server = line["body"], self._server
        how = server.behaviour(body, len(server.asked))
        answer = completion(server, body)
        server.record(body, how, answer["usage"])
        if how == "no_usage":
            del answer["usage"]
        error = {"error": {"code": "batch_expired"}}
        match how:
            case "cut":
                return None
            case "wrong_json":
                return '{"custom_id": '
            case "rate_limit":
                return json.dumps({"custom_id": line["custom_id"], "response": None} | error)
            case "error_500":
                return json.dumps({"custom_id": line["custom_id"], "response": {"status_code": 500, "body": {}}})
        return json.dumps({"custom_id": line["custom_id"], "response": {"status_code": 200, "body": answer}})

    def _keep(self, data: bytes) -> str:
        name = f"file-{len(self._server.files)}"
        self._server.files[name] = data
        return name

    @staticmethod
    def _json(value: Any) -> bytes:
        return json.dumps(value).encode()


def _file_in_form(data: bytes) -> bytes:
    """The file of a form: the part that has a name of a file."""
    boundary = data.partition(b"\r\n")[0]
    part = next(part for part in data.split(boundary) if b"filename=" in part)
    return part.partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")


async def _give_bytes(writer: asyncio.StreamWriter, data: bytes) -> None:
    headers = {"content-type": "application/json", "content-length": str(len(data)), "connection": "close"}
    await write_head(writer, 200, headers)
    writer.write(data)


def _error(message: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": "test", "code": None}}


@contextmanager
def teacher_server() -> Iterator[TeacherServer]:
    """A server in a thread, until the context ends."""
    server, loop, started = TeacherServer(), asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        listening = await asyncio.start_server(lambda r, w: _handle(server, r, w), "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1"
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.1))
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(10)
    yield server
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
