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


class NotInMenu(NotFound):
    """The menu that is worked on has no such dish, category, group, option or ingredient."""

    def __init__(self, what: object) -> None:
        super().__init__(f"the menu has no {what}")


class EntryChanged(Refused):
    """Somebody else saved the same entry since it was shown. `theirs` is what it is now, None when
    it is gone.
    """

    def __init__(self, theirs: object) -> None:
        super().__init__("somebody else saved this entry meanwhile: look at both")
        self.theirs = theirs


class NameTaken(Refused):
    """Another entry of the same list is called so: nobody could say which of the two is meant."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another entry of this list is called {name!r}")
        self.name = name


class CategoryHasDishes(Refused):
    """A category goes when its dishes have gone or are elsewhere."""

    def __init__(self, count: int) -> None:
        super().__init__(f"the category has {count} dishes")
        self.count = count


class DishOffered(Refused):
    """The dish is an option of these groups, which would offer what is not there."""

    def __init__(self, groups: tuple[str, ...]) -> None:
        super().__init__(f"the dish is an option of {', '.join(groups)}")
        self.groups = groups


class MenuHasErrors(Refused):
    """The voice lint found what makes dishes impossible to order: it is mended first."""

    def __init__(self, places: tuple[str, ...]) -> None:
        super().__init__(f"the menu has errors: {', '.join(places)}")
        self.places = places
