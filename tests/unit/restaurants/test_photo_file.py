"""An uploaded picture is shown small, upright, without its metadata; a bomb is never unpacked."""

import io
import struct
import zlib

import pytest
from PIL import Image

from controlplane.restaurants.photo_file import (
    MOST_PHOTO_BYTES,
    PhotoProblem,
    PhotoRefused,
    read_photo_file,
)

pytestmark = pytest.mark.unit


def picture(kind: str = "JPEG", *, mode: str = "RGB") -> bytes:
    """600 × 400, to be turned by a quarter, with the camera's name."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Appareil", 6
    written = io.BytesIO()
    Image.new(mode, (600, 400)).save(written, kind, exif=exif)
    return written.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"")


def chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def test_two_sizes_upright_without_metadata() -> None:
    photo = read_photo_file(picture())
    for data, size in ((photo.large, (400, 600)), (photo.small, (213, 320))):
        shown = Image.open(io.BytesIO(data))
        assert (shown.format, shown.size, dict(shown.getexif())) == ("WEBP", size, {})
    clear = Image.open(io.BytesIO(read_photo_file(picture("PNG", mode="RGBA")).small))
    assert clear.getpixel((5, 5)) == (255, 255, 255), "what was transparent is white"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", PhotoProblem.NO_PICTURE),
        (b"GIF89a" + bytes(100), PhotoProblem.NO_PICTURE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", PhotoProblem.NO_PICTURE),
        (picture()[:400], PhotoProblem.NO_PICTURE),
        (png_that_claims(8_000, 8_000), PhotoProblem.TOO_MANY_PIXELS),
        (png_that_claims(60_000, 60_000), PhotoProblem.TOO_MANY_PIXELS),
        (bytes(MOST_PHOTO_BYTES + 1), PhotoProblem.TOO_LARGE),
    ],
)
def test_what_is_no_bearable_picture_is_refused(data: bytes, problem: PhotoProblem) -> None:
    with pytest.raises(PhotoRefused) as refused:
        read_photo_file(data)
    assert refused.value.problem is problem
