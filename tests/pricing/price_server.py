"""A real HTTP server on loopback that serves price lists, good and bad, and remembers what it was asked."""

import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import NamedTuple, Self

BLOCK = b"x" * (1 << 20)


class Reply(NamedTuple):
    """One answer; `manner`: whole, short (less than announced), drip (a byte every 0.1 s), silent, endless."""

    body: bytes = b""
    kind: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = {}
    manner: str = "whole"


class Asked(NamedTuple):
    """One request as it came in."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class _Handler(BaseHTTPRequestHandler):
    """Answers from the server's table; an address that is not in it gets 404."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.server.asked.append(Asked(self.command, self.path, dict(self.headers), self.rfile.read(length)))
        reply = self.server.replies.get(self.path.partition("?")[0], Reply(status=404))
        etag = reply.headers.get("ETag")
        if etag and self.headers.get("If-None-Match") == etag:
            reply = Reply(status=304)
        try:
            self._answer(reply)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client has heard enough

    do_POST = do_GET

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.kind)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.manner == "endless":
            self._endless()
            return
        announced = len(reply.body) + (1000 if reply.manner == "short" else 0)
        if "Content-Length" not in reply.headers and reply.status != 304:
            self.send_header("Content-Length", str(announced))
        self.end_headers()
        if reply.manner == "silent":
            self.server.stop.wait(5)
        elif reply.manner == "drip":
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self.server.stop.wait(0.1):
                    break
        else:
            self.wfile.write(reply.body)
        self.close_connection = reply.manner != "whole"

    def _endless(self) -> None:
        """Send 100 MB in blocks, with no length announced."""
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(100):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(BLOCK), BLOCK))
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Keep the screen for the tests."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: dict[str, Reply] = {}
        self.asked: list[Asked] = []
        self.stop = threading.Event()


class PriceServer:
    """Serves `replies` (path to Reply) while it is open; `asked` holds every request."""

    def __init__(self) -> None:
        self._server = _Server()
        self.replies, self.asked = self._server.replies, self._server.asked

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, at: TracebackType | None) -> None:
        self._server.stop.set()
        self._server.shutdown()
        self._server.server_close()
        time.sleep(0)

    def url(self, path: str) -> str:
        """Return the address of a path on this server."""
        return f"http://127.0.0.1:{self._server.server_port}{path}"
