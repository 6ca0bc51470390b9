"""HTTP/1.1 by the standard library: one thread a connection, kept open unless told otherwise."""

from __future__ import annotations

import gzip
import json
import select
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn

from .manners import MODELS, Manners
from .reply import choices, chunks, completion
from .request import accept, table
from .shapes import Fault, Shape

PATH = "/v1/chat/completions"


def _no_constant(word: str) -> NoReturn:
    raise ValueError(word)


class Server(ThreadingHTTPServer):
    """A server with manners. Its root URL is ``url``."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, manners: Manners) -> None:
        self.manners = manners
        self.shapes: dict[str, Shape] = table(manners)
        self.seats = threading.Semaphore(manners.seats)
        super().__init__(("127.0.0.1", port), Handler)

    @property
    def url(self) -> str:
        """The base URL, with the version in its path."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Peers that leave early are nothing to report."""
        import sys

        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """The requests of one connection."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    server_version = "hermit"
    disable_nagle_algorithm = True
    wbufsize = -1

    timeout = 120
    waits = False

    def setup(self) -> None:
        """Take the manners of the server."""
        self.protocol_version = self.server.manners.version
        super().setup()

    def handle_one_request(self) -> None:
        """Wait for the next request no longer than the manners say; the first may take its time."""
        if self.waits and not select.select([self.connection], [], [], self.server.manners.idle)[0]:
            self.close_connection = True
            return
        self.waits = True
        super().handle_one_request()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the base class finds wrong, in our envelope."""
        self.close_connection = True
        self._fail(Fault(message or "bad request", kind="sense", status=405 if code == 501 else int(code)))

    def _serve(self) -> None:
        manners = self.server.manners
        self.close_connection = self.close_connection or manners.close
        seated = self.server.seats.acquire(blocking=False)
        try:
            if not seated:
                self._content()
                raise Fault("All seats are taken.", code="rate_limit_exceeded", kind="sense", status=429)
            self._answer()
        except Fault as fault:
            self._fail(fault)
        finally:
            if seated:
                self.server.seats.release()

    def _answer(self) -> None:
        manners = self.server.manners
        content = self._content()
        path = self.path.split("?")[0]
        key = self.headers.get("authorization")
        if manners.key is not None and key is None:
            raise Fault("There is no key.", kind="sense", status=401)
        if manners.key is not None and key != f"Bearer {manners.key}":
            raise Fault("That key is wrong.", code="invalid_api_key", kind="sense", status=401)
        if path == "/v1/models" and self.command == "GET" and not manners.unlisted:
            models = [{"id": name, "object": "model", "created": 1730764800, "owned_by": "hermit"} for name in MODELS]
            self._json(200, {"object": "list", "data": models})
        elif path == PATH and self.command == "GET" and manners.takes:
            self._json(200, {"object": "list", "data": [], "has_more": False})
        elif path == PATH and self.command == "POST":
            self._complete(content)
        elif path == PATH:
            raise Fault(f"{self.command} is not for this path.", code="method_not_supported", kind="sense", status=405)
        else:
            raise Fault("Nothing is here.", kind="sense", status=404)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _serve

    def _content(self) -> bytes:
        """The content of the request, by length or in chunks."""
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            parts: list[bytes] = []
            while size := self._number(self.rfile.readline(100).split(b";")[0], 16):
                self._small(size + sum(map(len, parts)))
                parts.append(self.rfile.read(size))
                self.rfile.readline(100)
            while self.rfile.readline(10_000).strip():
                pass
            return b"".join(parts)
        size = self._number(self.headers.get("content-length") or b"0", 10)
        self._small(size)
        return self.rfile.read(size)

    def _number(self, text: str | bytes, base: int) -> int:
        try:
            return int(text, base)
        except ValueError:
            self.close_connection = True
            raise Fault("The length of the body is no number.", kind="sense") from None

    def _small(self, size: int) -> None:
        if size > self.server.manners.largest:
            self.close_connection = True
            raise Fault(f"The body is larger than {self.server.manners.largest} bytes.", kind="sense", status=413)

    def _complete(self, content: bytes) -> None:
        manners = self.server.manners
        kind = self.headers.get("content-type")
        if kind is None and not manners.takes:
            raise Fault("There is no content type.", code="unsupported_content_type", kind="sense", status=415)
        if kind is not None and kind.split(";")[0].strip().lower() != "application/json":
            status = 415 if manners.lavish else 400
            raise Fault(
                "The body must be application/json.", code="unsupported_content_type", kind="sense", status=status
            )
        try:
            text = content.decode("utf-8-sig" if manners.takes else "utf-8")
            body = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Fault("The body is not valid JSON.", kind="sense") from None
        asked = accept(body, manners, self.server.shapes)
        made = choices(asked, manners)
        if manners.delay:
            time.sleep(manners.delay)
        if asked.get("stream"):
            self._stream(chunks(asked, made, manners))
        else:
            self._json(200, completion(asked, made, manners))

    def _fail(self, fault: Fault) -> None:
        manners = self.server.manners
        status = fault.status or (manners.status if fault.kind == "shape" else 400)
        error: dict[str, Any] = {"message": fault.message, "type": "invalid_request_error", "param": None, "code": None}
        if manners.errors != "bare":
            error |= {"param": fault.param(), "code": fault.code}
        if manners.errors == "own":
            error |= {"type": f"{fault.kind}_fault", "code": None, "status": status, "help": ["see the documents"]}
        more = {401: [("www-authenticate", "Bearer")], 405: [("allow", "POST")], 429: [("retry-after", "0")]}
        self._json(status, {"error": error}, more.get(status, ()))

    def _json(self, status: int, value: Any, headers: Iterable[tuple[str, str]] = ()) -> None:
        lavish = self.server.manners.lavish
        content = json.dumps(value, ensure_ascii=not lavish, indent=1 if lavish else None).encode()
        if self.server.manners.gzip and self.command != "HEAD" and "gzip" in self.headers.get("accept-encoding", ""):
            content = gzip.compress(content, 1)
            headers = [*headers, ("content-encoding", "gzip"), ("vary", "accept-encoding")]
        chunked = self.server.manners.chunked and self.command != "HEAD" and self._modern()
        length = [("transfer-encoding", "chunked")] if chunked else [("content-length", str(len(content)))]
        kind = "application/json; charset=utf-8" if lavish else "application/json"
        self._head(status, [("content-type", kind), *length, *headers])
        if self.command != "HEAD":
            for block in self._blocks([content[:100], content[100:]]) if chunked else [content]:
                self.wfile.write(block)
        self.wfile.flush()

    def _modern(self) -> bool:
        return self.request_version == self.protocol_version == "HTTP/1.1"

    def _head(self, status: int, headers: list[tuple[str, str]]) -> None:
        if self.server.manners.hints and self._modern():
            self.send_response_only(103)
            self.send_header("link", "</style.css>; rel=preload")
            self.end_headers()
        self.send_response(status)
        for name, text in headers:
            self.send_header(name, text)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()

    def _stream(self, parts: Iterator[dict[str, Any]]) -> None:
        chunked = not self.close_connection and self._modern()
        self.close_connection = not chunked
        length = [("transfer-encoding", "chunked")] if chunked else []
        kind = "text/event-stream; charset=utf-8" if self.server.manners.lavish else "text/event-stream"
        self._head(200, [("content-type", kind), ("cache-control", "no-store"), *length])
        events = self._events(parts)
        for block in self._blocks(events) if chunked else events:
            self.wfile.write(block)
            self.wfile.flush()

    def _events(self, parts: Iterator[dict[str, Any]]) -> Iterator[bytes]:
        lavish = self.server.manners.lavish
        if lavish:
            yield b": here it comes\r\n\r\n"
        for number, part in enumerate(parts):
            text = json.dumps(part, ensure_ascii=not lavish)
            if not lavish:
                yield f"data: {text}\n\n".encode()
            else:
                event = f"id: {number}\r\nevent: message\r\ndata:{text}\r\n\r\n".encode()
                middle = len(event) // 2  # events do not end where packets end, nor do characters
                yield event[:middle]
                yield event[middle:]
        yield b"data: [DONE]\r\n\r\n" if lavish else b"data: [DONE]\n\n"

    @staticmethod
    def _blocks(parts: Iterable[bytes]) -> Iterator[bytes]:
        for part in parts:
            if part:
                yield b"%x;note=hermit\r\n%b\r\n" % (len(part), part)
        yield b"0\r\nx-trailer: over\r\n\r\n"


@contextmanager
def serving(manners: Manners | None = None, port: int = 0) -> Iterator[Server]:
    """A server in a thread of its own. Connections that are still open end with the process or with their peer."""
    with Server(port, manners or Manners()) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
