"""A W&B server for one test, on a loopback port: what the clients of wandb 0.31.0 (runs, its public API, `wandb sweep`)
and of wandb-workspaces 0.4.13 (reports) ask of it, as read off those clients.

GraphQL at /graphql (the operation's name decides which of `Answers`; what is unknown answers with empty data and is
kept in `unknown`), rows of history at /files/<entity>/<project>/<run>/file_stream, and files by PUT to the addresses
that it gave out.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from answers import Answers


class Server(ThreadingHTTPServer, Answers):
    daemon_threads = True

    def __init__(self) -> None:
        ThreadingHTTPServer.__init__(self, ("127.0.0.1", 0), Handler)
        Answers.__init__(self, f"http://127.0.0.1:{self.server_address[1]}")
        self.operations: list[str] = []
        self.unknown: list[str] = []
        self.lock = threading.Lock()
        self.answering = threading.Event()  # cleared: everything but the probe waits for its answer
        self.answering.set()
        self.refusing = 0  # an HTTP status for everything but the probe

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up (because it was killed, say) is no error of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def stream(self, run: str, body: dict[str, Any]) -> None:
        stored = self.runs[run]
        for name, part in (body.get("files") or {}).items():
            rows = [json.loads(line) for line in part["content"]] if name.endswith(("jsonl", "summary.json")) else []
            if name == "wandb-history.jsonl":
                stored.history[part["offset"] :] = rows
            elif name == "wandb-summary.json" and rows:
                stored.summary = rows[-1]
        if body.get("complete"):
            stored.exits.append(body["exitcode"])

    def upload(self, path: str, body: bytes) -> None:
        kind, owner, name = path.split("/", 2)
        if kind == "run":
            self.runs[owner].files[name] = body
        else:
            self.artifact_files[f"{owner}/{name}"] = body


class Handler(BaseHTTPRequestHandler):
    server: Server  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = json.loads(self._body())
        self.server.answering.wait()
        with self.server.lock:
            if self.server.refusing:
                self._answer({"errors": [{"message": "refused"}]}, self.server.refusing)
            elif self.path == "/graphql":
                self._answer({"data": self._graphql(body)})
            elif match := re.fullmatch(r"/files/[^/]+/[^/]+/([^/]+)/file_stream", self.path):
                self.server.stream(match[1], body)
                self._answer({})
            else:
                self.server.unknown.append(self.path)
                self._answer({})

    def do_PUT(self) -> None:
        body = self._body()
        self.server.answering.wait()
        with self.server.lock:
            self.server.upload(self.path.removeprefix("/upload/"), body)
        self._answer({})

    def _graphql(self, body: dict[str, Any]) -> Any:
        found = re.search(r"(?:query|mutation)\s+(\w+)", body["query"])
        name = found[1] if found else "?"
        self.server.operations.append(name)
        method = getattr(self.server, name[0].upper() + name[1:], None)
        if method is None:
            self.server.unknown.append(name)
            return {}
        return method(body.get("variables") or {})

    def _body(self) -> bytes:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body

    def _answer(self, value: Any, status: int = 200) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.answering.set()
        server.shutdown()
        server.server_close()
        thread.join()
