"""Stands in for SMS operator and mail server on a developer's machine: a file a message."""

from datetime import UTC, datetime
from pathlib import Path

from controlplane.models.notification import Channel
from controlplane.notifier.providers import Outgoing


class Catcher:
    """Writes what would have been sent to a folder, where whoever runs the stack reads it."""

    def __init__(self, folder: Path, channel: Channel) -> None:
        self._folder = folder
        self._channel = channel
        folder.mkdir(parents=True, exist_ok=True)

    async def send(self, message: Outgoing) -> str | None:
        stem = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{self._channel}-{message.key[-12:]}"
        lines = [f"À : {message.to}", f"Objet : {message.subject}"]
        shown = "\n".join([*lines[: 2 if message.subject else 1], "", message.text, ""])
        self._folder.joinpath(f"{stem}.txt").write_text(shown, encoding="utf-8")
        if message.html:
            self._folder.joinpath(f"{stem}.html").write_text(message.html, encoding="utf-8")
        return None

    async def close(self) -> None:
        """Nothing is kept open."""
