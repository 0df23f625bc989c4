"""What the rules of menus, their versions and drafts do not allow (tree: `errors.py`)."""

from controlplane.restaurants.errors import NotFound, Refused


class UnreadableMenuVersion(Refused):
    """The version, or the draft, is of a format that today's menus no longer have: it cannot be
    published.
    """

    def __init__(self, what: str, faults: str) -> None:
        super().__init__(
            f"{what} is refused by today's format ({faults}):"
            " import a corrected file instead, the menu is as it was"
        )


class NoMenuDraft(NotFound):
    """The restaurant is not working on another menu."""

    def __init__(self) -> None:
        super().__init__("there is no draft: alloresto menu import FILE --draft")


class MenuDraftChanged(Refused):
    """Somebody else saved the draft meanwhile, or began one; it has this `revision` now."""

    def __init__(self, revision: int) -> None:
        super().__init__(f"the draft was saved by somebody else (revision {revision}): look again")
        self.revision = revision


class MenuChangedSince(Refused):
    """The menu is no longer the one that the draft was begun from: to publish the draft would take
    those changes back.
    """

    def __init__(self, places: tuple[str, ...]) -> None:
        super().__init__(
            "the menu has changed since the draft was begun: "
            + "; ".join(places)
            + " (alloresto menu publish --over takes that back)"
        )
        self.places = places
