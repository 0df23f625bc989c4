"""What a restaurant says in its own words to callers without an assistant, and how it sounds."""

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.contracts.prompts import MOST_CHARACTERS, PromptKind
from controlplane.models.base import Base, PrimaryKey


class RestaurantPrompt(Base):
    """One prompt of a restaurant. Its bridges play `rendering_id`; without a row, or before it is
    rendered, the packaged prompt.
    """

    __tablename__ = "restaurant_prompt"
    __table_args__ = (
        UniqueConstraint("restaurant_id", "id"),
        UniqueConstraint("restaurant_id", "kind"),
        ForeignKeyConstraint(
            ["restaurant_id", "kind", "rendering_id"],
            [
                "prompt_rendering.restaurant_id",
                "prompt_rendering.kind",
                "prompt_rendering.id",
            ],
            name="fk_restaurant_prompt_rendering",
        ),
        CheckConstraint(
            f"kind IN ({', '.join(repr(str(kind)) for kind in PromptKind)})", name="kind"
        ),
        CheckConstraint("sentence IS NOT NULL OR kind = 'greeting'", name="worded"),
        CheckConstraint(f"char_length(sentence) BETWEEN 1 AND {MOST_CHARACTERS}", name="sentence"),
    )

    id: Mapped[PrimaryKey]
    restaurant_id: Mapped[UUID] = mapped_column(ForeignKey("restaurant.id", ondelete="CASCADE"))
    kind: Mapped[str]
    sentence: Mapped[str | None]
    """The restaurant's own words; NULL for a greeting that says its name and nothing else."""
    rendering_id: Mapped[UUID | None]
