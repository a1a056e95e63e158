"""A teacher without a model, which solves generated problems, behind OpenAI's chat completions on this machine."""

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from actors.formats import get_format
from actors.teachers.scripted import program
from cluster.config.listening import free_port
from store.records import Split
from store.store import Store

MODEL = "scripted-teacher"
_HOST = "127.0.0.1"
_BYTES_PER_TOKEN = 4
_SLIP_EVERY = 8
_UNKNOWN = "it knows the training problems of its store only"


def teacher_url(folder: Path) -> str:
    """Where the teacher serves. An annotation is continued only at the same address, so the port is kept in the folder.

    Raises:
        ConfigError: there is no free port.
    """
    file = folder / "teacher-port"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        file.write_text(str(free_port(_HOST, 0)), encoding="utf-8")
    return f"http://{_HOST}:{int(file.read_text(encoding='utf-8'))}/v1"


@contextmanager
def served_teacher(folder: Path, store_url: str) -> Iterator[None]:
    """Serve a teacher that knows the training problems of a store.

    Raises:
        ConfigError: the port that it had before is in use.
    """
    port = urlsplit(teacher_url(folder)).port or 0
    with Store.open(store_url, create=False) as store:
        programs = {one.question.strip(): program(one) for one in store.problems.iterate(Split.TRAIN)}
    server = ThreadingHTTPServer(
        (_HOST, free_port(_HOST, port)), _handler({text: code for text, code in programs.items() if code})
    )
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="scripted-teacher", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(body: Mapping[str, Any], programs: Mapping[str, str]) -> str:
    """What the teacher says next: a program, and once that has printed something, the answer.

    It slips in its greedy attempt at every eighth question, so that there is something to verify.
    """
    messages = body["messages"]
    fmt = get_format("tir")
    position = max(number for number, message in enumerate(messages) if message["content"].strip() in programs)
    if messages[-1]["role"] == "user" and position < len(messages) - 1:
        return f"The answer is {fmt.write_answer(_printed(messages[-1]['content']))}."
    question = messages[position]["content"].strip()
    code = programs[question]
    slips = not body.get("temperature") and hashlib.sha256(question.encode()).digest()[0] % _SLIP_EVERY == 0
    return fmt.code_block(code.replace("print(", "print(1 + ", 1) if slips else code)


def _printed(shown: str) -> str:
    turns = get_format("tir").output_pattern.search(shown)
    return turns.group(1).strip() if turns else shown.strip()


def _handler(programs: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers requests for chat completions."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            try:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                self._send(200, _completion(body, answer(body, programs)))
            except (KeyError, TypeError, ValueError):
                self._send(400, {"error": {"message": _UNKNOWN, "type": "invalid_request_error"}})

        def _send(self, status: int, record: Mapping[str, Any]) -> None:
            content = json.dumps(record).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of http.server
            """Log nothing: there are thousands of requests."""

    return Handler


def _completion(body: Mapping[str, Any], text: str) -> dict[str, Any]:
    prompt = sum(len(message["content"]) for message in body["messages"]) // _BYTES_PER_TOKEN + 1
    written = len(text) // _BYTES_PER_TOKEN + 1
    return {
        "id": "chatcmpl-scripted",
        "object": "chat.completion",
        "created": 0,
        "model": MODEL,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": prompt, "completion_tokens": written, "total_tokens": prompt + written},
    }
