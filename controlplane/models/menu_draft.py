"""The menu that a restaurant is working on, while callers are told the published one."""

from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class MenuDraft(Base):
    """One document a restaurant, gone once it is published or discarded."""

    __tablename__ = "menu_draft"
    __table_args__ = (CheckConstraint("revision >= 1", name="revision"),)

    restaurant_id: Mapped[UUID] = mapped_column(
        ForeignKey("restaurant.id", ondelete="CASCADE"), primary_key=True
    )
    document: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The JSON of docs/menu-format.md."""
    begun_from: Mapped[dict[str, Any]] = mapped_column(JSONB)
    """The menu as it was when the draft was begun: another one now was published meanwhile."""
    dish_ids: Mapped[dict[str, list[str]]] = mapped_column(JSONB, server_default=text("'{}'"))
    """The category's and the dish's name by the dish's id, which stays when it is called otherwise:
    what is sold out, photos and carts of the moment follow it."""
    revision: Mapped[int]
    """It rises with each saving, so that of two people who edit neither overwrites the other."""
    source: Mapped[str]
    """Where it came from, such as the name of a file; its version will say so."""
    begun_at: Mapped[CreatedAt]
