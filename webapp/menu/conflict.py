"""Two versions of one entry, field by field: what somebody typed, and what somebody else saved."""

from collections.abc import Mapping
from dataclasses import dataclass

from webapp.menu.words import field_name, shown


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs; `theirs` is None when their entry is gone."""

    name: str
    mine: str
    theirs: str | None


def differences(
    mine: Mapping[str, object], theirs: Mapping[str, object] | None
) -> list[Difference]:
    """What differs of two entries of a kind; all of mine when theirs is gone."""
    found = []
    for field, value in mine.items():
        other = theirs[field] if theirs is not None else None
        if theirs is None or other != value:
            their_words = shown(field, other) if theirs is not None else None
            found.append(Difference(field_name(field), shown(field, value), their_words))
    return found
