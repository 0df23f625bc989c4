"""Asks a vision model for the menu in a photo or a PDF (OpenAI, `POST /v1/responses`).

One request, so no library of OpenAI's. It keeps nothing of it (`store: false`), and a photo goes
there without its metadata. Whatever it answers is a draft at most: a person publishes.
"""

import asyncio
import base64
import io
import json
from typing import Any, Final

import httpx2
import structlog
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from controlplane.menu_pictures.errors import PictureProblem, PictureUnread
from controlplane.menu_pictures.printed_menu import INSTRUCTIONS, SCHEMA, menu_of
from controlplane.restaurants.photo_file import MOST_PHOTO_BYTES, upright_picture

OPENAI_URL: Final = "https://api.openai.com/v1"
DEADLINE_S: Final = 100.0
"""A menu of a hundred dishes is about 6,000 tokens of answer: a minute."""
MOST_AT_ONCE: Final = 4
"""One process sends so many at once, for each holds some megabytes; others are asked to come back.
"""
MOST_ANSWER_TOKENS: Final = 16_000
LONGEST_PX: Final = 2_048
"""The model looks no closer."""
MOST_PAGES: Final = 12
_PDF: Final = b"%PDF-"
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_AWAY: Final = frozenset({408, 409, 429})

_logger = structlog.get_logger()


class MenuVision:
    """Reads pictures with one key, for all restaurants of the platform."""

    def __init__(self, api_key: str, *, model: str, url: str = OPENAI_URL) -> None:
        self._model = model
        self._client = httpx2.AsyncClient(
            base_url=url, timeout=DEADLINE_S, headers={"Authorization": f"Bearer {api_key}"}
        )
        self._free = asyncio.Semaphore(MOST_AT_ONCE)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def read(self, data: bytes) -> bytes:
        """Return the menu as a JSON file in our format. Safe to cancel.

        Raises `PhotoRefused` of a picture that is none, and `PictureUnread`.
        """
        if self._free.locked():
            raise PictureUnread(PictureProblem.AWAY)
        async with self._free:
            shown = await asyncio.to_thread(_shown, data)
            try:
                async with asyncio.timeout(DEADLINE_S):
                    answer = await self._client.post("/responses", json=self._request(shown))
            except (httpx2.TransportError, TimeoutError) as error:
                _logger.warning("menu_vision_away", error=type(error).__name__)
                raise PictureUnread(PictureProblem.AWAY) from error
        menu = menu_of(_text(answer))
        return json.dumps(menu, ensure_ascii=False).encode()

    def _request(self, shown: dict[str, str]) -> dict[str, Any]:
        content = [{"type": "input_text", "text": INSTRUCTIONS}, shown]
        return {
            "model": self._model,
            "input": [{"role": "user", "content": content}],
            "text": {
                "format": {"type": "json_schema", "name": "menu", "schema": SCHEMA, "strict": True}
            },
            "max_output_tokens": MOST_ANSWER_TOKENS,
            "store": False,
        }


def is_picture(data: bytes) -> bool:
    """Whether it begins as a PDF, a JPEG, a PNG or a WebP does: no table and no JSON does."""
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return data.startswith((_PDF, *_PICTURES)) or is_webp


def _shown(data: bytes) -> dict[str, str]:
    """The picture as the request holds it. Raises `PhotoRefused`, `PictureUnread`."""
    if data.startswith(_PDF):
        _check_pdf(data)
        url = f"data:application/pdf;base64,{base64.b64encode(data).decode()}"
        return {"type": "input_file", "filename": "carte.pdf", "file_data": url}
    written = io.BytesIO()
    upright_picture(data, longest_px=LONGEST_PX).save(written, "JPEG", quality=88)
    url = f"data:image/jpeg;base64,{base64.b64encode(written.getvalue()).decode()}"
    return {"type": "input_image", "image_url": url, "detail": "high"}


def _check_pdf(data: bytes) -> None:
    """A page costs as much as a photo: a menu has few."""
    if len(data) > MOST_PHOTO_BYTES:
        raise PictureUnread(PictureProblem.TOO_LARGE)
    try:
        pages = len(PdfReader(io.BytesIO(data)).pages)
    except (PyPdfError, ValueError, LookupError, TypeError, RecursionError, OSError) as error:
        raise PictureUnread(PictureProblem.NO_PDF) from error
    if pages > MOST_PAGES:
        raise PictureUnread(PictureProblem.TOO_MANY_PAGES)


def _text(answer: httpx2.Response) -> str:
    """What the model wrote. Raises `PictureUnread`; an error's own text may name our key."""
    if answer.status_code in _AWAY or answer.status_code >= 500:
        raise PictureUnread(PictureProblem.AWAY)
    if not answer.is_success:
        _logger.error("menu_vision_refused", status=answer.status_code)
        raise PictureUnread(PictureProblem.REFUSED)
    try:
        content = answer.json()
    except ValueError as error:
        raise PictureUnread(PictureProblem.UNREADABLE) from error
    match content:
        case {"status": "completed", "output": list(output)}:
            written = "".join(_written(output))
            if written:
                return written
    raise PictureUnread(PictureProblem.UNREADABLE)


def _written(output: list[Any]) -> list[str]:
    found: list[str] = []
    for item in output:
        match item:
            case {"type": "message", "content": list(parts)}:
                found += [
                    part["text"]
                    for part in parts
                    if isinstance(part, dict)
                    and part.get("type") == "output_text"
                    and isinstance(part.get("text"), str)
                ]
    return found
