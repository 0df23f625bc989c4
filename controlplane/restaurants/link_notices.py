"""E-mails that carry a link which opens something: an invitation, a new password.

The link's key is in the clear nowhere: its row has a hash, and the notification, which waits for
its sender, has it sealed. As soon as the e-mail is sent, or given up, that is gone too.
"""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.models.membership import Role
from controlplane.models.notification import Channel, Notification
from controlplane.restaurants.notify import Notice, NotificationKind, notify
from controlplane.restaurants.tokens import token_hash
from controlplane.secret_box import SecretBox


class LinkNotice(BaseModel):
    """What the e-mail says, beside what its kind says already."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    language: Literal["fr", "en"]
    link: str
    invited_by: str = ""
    role: Role | None = None


async def tell_link(
    session: AsyncSession,
    box: SecretBox,
    restaurant_id: UUID,
    kind: NotificationKind,
    *,
    to: str,
    notice: LinkNotice,
) -> None:
    """Have it mailed once the caller commits. The session is one of the restaurant."""
    await notify(
        session,
        Notice(
            restaurant_id=restaurant_id,
            kind=kind,
            channel=Channel.EMAIL,
            to=to,
            key=f"{kind}:{token_hash(notice.link)[:32]}",
            body=box.seal(notice.model_dump_json(), owner=restaurant_id),
        ),
    )


def read_link(box: SecretBox, notification: Notification) -> LinkNotice:
    """What was sealed. Raises `SecretUnreadable`."""
    opened = box.open(notification.body, owner=notification.restaurant_id)
    return LinkNotice.model_validate_json(opened)
