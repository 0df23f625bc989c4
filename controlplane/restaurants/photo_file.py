"""An uploaded picture as the site shows it: small, upright, without its metadata. Pure.

A picture is decoded only when its header says that it has a bearable number of pixels: a few
kilobytes may unpack to gigabytes.
"""

import io
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from PIL import Image, ImageOps

from controlplane.restaurants.errors import Refused

MOST_PHOTO_BYTES: Final = 8 * 1024 * 1024
MOST_PIXELS: Final = 50_000_000
"""A telephone's camera has 12 to 50 million; decoded this is 150 MB, for a second."""
LARGE_PX: Final = 1_200
SMALL_PX: Final = 320
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
_BROKEN: Final = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
)
"""Pillow raises these of files that are no pictures, cut short or forged."""


class PhotoProblem(StrEnum):
    """Why a picture is not taken."""

    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    NO_PICTURE = "no_picture"
    """It is none of JPEG, PNG and WebP, or it is damaged."""


class PhotoRefused(Refused):
    """The picture is not taken, and what was there stays."""

    def __init__(self, problem: PhotoProblem) -> None:
        super().__init__(f"the photo is refused: {problem}")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo in two sizes, both WebP."""

    large: bytes
    small: bytes


def read_photo_file(data: bytes) -> Photo:
    """Decode and encode anew, in about half a second of CPU. Raises `PhotoRefused`."""
    picture = upright_picture(data, longest_px=LARGE_PX)
    return Photo(large=_webp(picture), small=_webp(_within(picture, SMALL_PX)))


def upright_picture(data: bytes, *, longest_px: int) -> Image.Image:
    """The picture as it was meant to be looked at, on white, its longer side that long at most.

    Raises `PhotoRefused`.
    """
    if len(data) > MOST_PHOTO_BYTES:
        raise PhotoRefused(PhotoProblem.TOO_LARGE)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise PhotoRefused(PhotoProblem.TOO_MANY_PIXELS)
            opened.draft("RGB", (longest_px, longest_px))
            picture = _within(ImageOps.exif_transpose(opened), longest_px)
            return _on_white(picture)
    except Image.DecompressionBombError as error:
        raise PhotoRefused(PhotoProblem.TOO_MANY_PIXELS) from error
    except _BROKEN as error:
        raise PhotoRefused(PhotoProblem.NO_PICTURE) from error


def _within(picture: Image.Image, longest_px: int) -> Image.Image:
    """Smaller when it is larger; never enlarged."""
    if max(picture.size) <= longest_px:
        return picture
    return ImageOps.contain(picture, (longest_px, longest_px))


def _on_white(picture: Image.Image) -> Image.Image:
    """What was transparent is white: nothing of it is black on a dark page or in JPEG."""
    shown = picture.convert("RGBA")
    white = Image.new("RGBA", shown.size, "white")
    return Image.alpha_composite(white, shown).convert("RGB")


def _webp(picture: Image.Image) -> bytes:
    written = io.BytesIO()
    picture.save(written, "WEBP", quality=80, exif=b"", icc_profile=b"")
    return written.getvalue()
