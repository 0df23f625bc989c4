"""Answers with a recording, in parts when asked: without, Safari plays nothing (RFC 9110 §14)."""

import re

from fastapi import status
from fastapi.responses import Response

_ONE_RANGE = re.compile(r"bytes=([0-9]{1,9})-([0-9]{0,9})")


def wav_response(audio: bytes, range_header: str | None) -> Response:
    """Answer with the one range asked for; any other wish is answered with the whole."""
    asked = _ONE_RANGE.fullmatch(range_header or "")
    headers = {"Accept-Ranges": "bytes"}
    if asked is None:
        return Response(audio, media_type="audio/wav", headers=headers)
    size = len(audio)
    first, last = int(asked[1]), min(int(asked[2] or size), size - 1)
    if first > last:
        headers["Content-Range"] = f"bytes */{size}"
        return Response(status_code=status.HTTP_416_RANGE_NOT_SATISFIABLE, headers=headers)
    headers["Content-Range"] = f"bytes {first}-{last}/{size}"
    return Response(
        audio[first : last + 1],
        status.HTTP_206_PARTIAL_CONTENT,
        media_type="audio/wav",
        headers=headers,
    )
