"""OpenAI's `POST /v1/responses` as a menu's picture needs it, on a port of loopback.

It checks of a request what the API refuses: the key, a schema that strict mode does not take, an
image or a file that is none. What it answers, a test sets.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

API_KEY = "sk-test-0123456789"


class OpenAIStandIn(ThreadingHTTPServer):
    """Keeps each request it took, and answers with `status` and `answer`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.answer: Any = completed({"categories": []})
        self.requests: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


def completed(menu: object) -> dict[str, Any]:
    """An answer that holds this as its text (platform.openai.com/docs/api-reference/responses)."""
    text = menu if isinstance(menu, str) else json.dumps(menu)
    message = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    return {
        "object": "response",
        "status": "completed",
        "output": [{"type": "reasoning", "summary": []}, message],
    }


@contextlib.contextmanager
def openai_stand_in() -> Iterator[OpenAIStandIn]:
    server = OpenAIStandIn()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: OpenAIStandIn

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fault = self._fault(body)
        self.server.requests.append(body)
        if fault:
            self._say(fault[0], {"error": {"message": fault[1], "type": "invalid_request_error"}})
        else:
            self._say(self.server.status, self.server.answer)

    def _fault(self, body: dict[str, Any]) -> tuple[int, str] | None:
        if self.path != "/v1/responses":
            return 404, self.path
        if self.headers["Authorization"] != f"Bearer {API_KEY}":
            return 401, "Incorrect API key provided"
        form = body["text"]["format"]
        if form["type"] != "json_schema" or not form["strict"]:
            return 400, "no structured output"
        loose = [one for one in _objects(form["schema"]) if not _is_strict(one)]
        if loose:
            return 400, f"Invalid schema: {loose[0]}"
        [_text, shown] = body["input"][0]["content"]
        return None if _is_shown(shown) else (400, "Invalid image or file")

    def _say(self, status: int, answer: Any) -> None:
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Tests print nothing."""


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "object":
            yield schema
        for value in schema.values():
            yield from _objects(value)


def _is_strict(schema: dict[str, Any]) -> bool:
    required = set(schema.get("required", ()))
    return schema.get("additionalProperties") is False and required == set(schema["properties"])


def _is_shown(shown: dict[str, Any]) -> bool:
    match shown:
        case {"type": "input_image", "image_url": str(url)}:
            return _decoded(url, "image/jpeg").startswith(b"\xff\xd8\xff")
        case {"type": "input_file", "filename": str(), "file_data": str(url)}:
            return _decoded(url, "application/pdf").startswith(b"%PDF-")
    return False


def _decoded(url: str, kind: str) -> bytes:
    prefix = f"data:{kind};base64,"
    return base64.b64decode(url.removeprefix(prefix)) if url.startswith(prefix) else b""
