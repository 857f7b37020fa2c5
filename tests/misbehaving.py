"""A local HTTP server with bad manners: it serves one file, and each request may go wrong in its own way."""

import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """How one request is answered. The default is how a good server does it."""

    status: int = 0  # instead of 200 and 206
    location: str = ""  # redirects there
    body: bytes | None = None  # instead of the file
    cut: int | None = None  # the connection is closed after so many bytes
    stall: bool = False  # nothing comes after `cut` bytes, and the connection stays open
    ranges: bool = True  # False: the whole file whatever is asked for
    shift: int = 0  # the bytes sent, and said to be sent, begin so much later than asked for
    length: bool = True  # says how long the body is
    announce: int | None = None  # says another length
    etag: str = '"v1"'
    modified: str = ""


class Misbehaving:
    """Use as a context manager. `replies` are used up one per request; after them the server behaves."""

    def __init__(self, body: bytes, *replies: Reply) -> None:
        self.body, self.replies = body, deque(replies)
        self.requests: list[dict[str, str]] = []
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = False  # so that leaving waits for them
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> "Misbehaving":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def url(self, path: str = "/data.bin") -> str:
        return f"http://127.0.0.1:{self._server.server_port}{path}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requests.append({"path": self.path} | {k.lower(): v for k, v in self.headers.items()})
                reply = server.replies.popleft() if server.replies else Reply()
                try:
                    server._answer(self, reply)
                except ConnectionError:  # the client had enough
                    self.close_connection = True

            def log_message(self, *_: Any) -> None: ...

        return Handler

    def _answer(self, to: BaseHTTPRequestHandler, reply: Reply) -> None:
        body = self.body if reply.body is None else reply.body
        status, start = 200, 0
        asked = to.headers.get("Range", "")
        same = to.headers.get("If-Range") in (reply.etag, reply.modified)
        if asked and reply.ranges and same:
            start = int(asked.removeprefix("bytes=").rstrip("-")) + reply.shift
            status = 206 if start < len(body) else 416
        to.send_response(reply.status or (302 if reply.location else status))
        if reply.location:
            to.send_header("Location", reply.location)
        if status == 206:
            to.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        for name, value in {"ETag": reply.etag, "Last-Modified": reply.modified}.items():
            if value:
                to.send_header(name, value)
        rest = b"" if status == 416 or reply.location else body[start:]
        if reply.length:
            to.send_header("Content-Length", str(len(rest) if reply.announce is None else reply.announce))
        to.send_header("Connection", "close")
        to.end_headers()
        to.wfile.write(rest if reply.cut is None else rest[: reply.cut])
        to.wfile.flush()
        if reply.stall:
            self._released.wait(20)
        to.close_connection = True
