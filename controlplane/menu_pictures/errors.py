"""Why a picture of a menu came to nothing; nothing of the restaurant's menu has changed then."""

from enum import StrEnum

from controlplane.errors import AlloRestoError


class PictureProblem(StrEnum):
    """What happened, as somebody who uploaded the picture may act on it."""

    AWAY = "away"
    """The model did not answer in time, or is busy."""
    REFUSED = "refused"
    """Our key or our request was refused: our people have to look."""
    UNREADABLE = "unreadable"
    """The answer is no menu, or was cut short."""
    NO_DISH = "no_dish"
    TOO_LARGE = "too_large"
    TOO_MANY_PAGES = "too_many_pages"
    NO_PDF = "no_pdf"
    """It begins as a PDF, and cannot be read as one."""


class PictureUnread(AlloRestoError):
    """No menu was read; what was there stays."""

    def __init__(self, problem: PictureProblem) -> None:
        super().__init__(f"the picture of the menu was not read: {problem}")
        self.problem = problem
