"""Where an order is delivered; one that is fetched, or eaten there, has no such row."""

from uuid import UUID

from sqlalchemy import CheckConstraint, Float, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from controlplane.models.base import Base, CreatedAt


class OrderDelivery(Base):
    """A delivered order's address, with the fields of the Base adresse nationale, and its zone.

    The trigger `delivery_has_an_address` lets no delivery be placed without this row, nor another
    order with one. Only the row's end takes the address away: it is deleted when its customer is
    erased or the restaurant's time for it is over, and the order keeps what was sold.
    """

    __tablename__ = "order_delivery"
    __table_args__ = (
        ForeignKeyConstraint(
            ["restaurant_id", "order_id"],
            ["order.restaurant_id", "order.id"],
            ondelete="CASCADE",
        ),
        Index(None, "restaurant_id", "created_at"),
        CheckConstraint("zone <> ''", name="zone"),
        CheckConstraint("street <> ''", name="street"),
        CheckConstraint("postcode ~ '^[0-9]{5}$'", name="postcode"),
        CheckConstraint("city <> ''", name="city"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude"),
        CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name="point"),
    )

    restaurant_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    zone: Mapped[str]
    """The zone's name as the order was placed: zones come and go."""
    house_number: Mapped[str] = mapped_column(server_default=text("''"))
    street: Mapped[str]
    postcode: Mapped[str]
    city: Mapped[str]
    insee_code: Mapped[str | None]
    latitude: Mapped[float | None] = mapped_column(Float(53))
    longitude: Mapped[float | None] = mapped_column(Float(53))
    floor: Mapped[str] = mapped_column(server_default=text("''"))
    door_code: Mapped[str] = mapped_column(server_default=text("''"))
    instructions: Mapped[str] = mapped_column(server_default=text("''"))
    created_at: Mapped[CreatedAt]
