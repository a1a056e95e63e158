"""An S3 server on this machine, which tests start, take away for a while, and look into."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BUCKET = "runs"


class S3Server:
    """A server that keeps its buckets while it does not listen."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address, self.port = address, 0
        self._gets: list[str] = []
        self._server: Any = None
        self._thread: threading.Thread | None = None

    @property
    def endpoint(self) -> str:
        """Its URL."""
        return f"http://{self.address}:{self.port}"

    def start(self) -> None:
        """Listen, on the same port as before."""
        import logging

        logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
        from werkzeug.serving import make_server

        app = DomainDispatcherApplication(create_backend_app)

        def counted(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "GET":
                self._gets.append(environ["PATH_INFO"])
            return app(environ, start_response)

        self._server = make_server(self.address, self.port, counted, threaded=True)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        self._server.shutdown()
        self._server.server_close()
        assert self._thread is not None, "started before"
        self._thread.join()

    def keys(self, prefix: str = "") -> list[str]:
        """The names of the objects in the bucket."""
        found = self.client().list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return sorted(item["Key"] for item in found)

    def reads(self, url: str) -> int:
        """How many times an object below a URL was read, in whole or in part."""
        path = url.removeprefix("s3:/") + "/"
        return sum(one.startswith(path) for one in self._gets)

    def client(self) -> Any:
        """boto's client for it."""
        import boto3

        return boto3.client("s3", endpoint_url=self.endpoint)


def environment(server: S3Server) -> dict[str, str]:
    """What processes need to use the server."""
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "very-secret-key",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": server.endpoint,
    }


@contextmanager
def s3_server(address: str = "127.0.0.1") -> Iterator[S3Server]:
    """A server with an empty bucket, to which this process and those that it starts are directed."""
    server = S3Server(address)
    server.start()
    before = {name: os.environ.get(name) for name in environment(server)}
    os.environ.update(environment(server))
    try:
        server.client().create_bucket(Bucket=BUCKET)
        yield server
    finally:
        server.stop()
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
