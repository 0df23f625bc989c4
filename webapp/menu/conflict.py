"""Two versions of one entry, field by field: what somebody typed, and what somebody else saved."""

from collections.abc import Collection
from dataclasses import dataclass

from pydantic import BaseModel

from webapp.menu.words import field_name, shown


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that differs; `theirs` is None when their entry is gone."""

    name: str
    mine: str
    theirs: str | None


def differences(
    mine: BaseModel | None,
    theirs: BaseModel | None,
    *,
    without: Collection[str] = (),
    owners: tuple[str, str] = ("", ""),
) -> list[Difference]:
    """What differs of two entries of a kind, and of the categories they are in (`owners`); all of
    mine when theirs is gone.
    """
    assert mine is not None, "only what could be read was held against theirs"
    fields = {**({"owner": owners[0]} if owners[0] else {}), **dict(mine)}
    others = None if theirs is None else {"owner": owners[1], **dict(theirs)}
    return [
        Difference(
            field_name(field),
            shown(field, value),
            None if others is None else shown(field, others[field]),
        )
        for field, value in fields.items()
        if field not in without and (others is None or others[field] != value)
    ]
