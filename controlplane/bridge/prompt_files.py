"""The prompts of this bridge's restaurants, as files that its FreeSWITCH plays.

Each restaurant has a folder with a file for each kind of prompt: its own rendering, or a link to
the packaged prompt while it has none. A gateway names the folder, so a change of words changes no
gateway: the file is replaced, and a call that plays the old one hears it to its end. What was
fetched stays while Postgres is away, and when the agent starts again.
"""

import re
import shutil
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Final
from uuid import UUID

import gevent
import gevent.event
import structlog
from sqlalchemy import Engine, or_, select

from controlplane.bridge import metrics
from controlplane.bridge.whole_file import link_whole, write_whole
from controlplane.contracts.prompts import PromptKind
from controlplane.loop import run_loop
from controlplane.models.prompt_rendering import PromptRendering
from controlplane.models.restaurant_prompt import RestaurantPrompt
from controlplane.models.sip_registration import SipRegistration

LOOK_S: Final = 30.0
"""A missed notification heals within this time."""
_SPOKEN_BY_THE_DIALPLAN: Final = re.compile(r"/[\w./ \-]+")
_RESTAURANT: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PACKAGED: Final = {
    PromptKind.GREETING: "greeting_generic.wav",
    PromptKind.BUSY: "busy.wav",
    PromptKind.LEAVE_MESSAGE: "leave_message.wav",
}

_Key = tuple[UUID, PromptKind]
_Renderings = dict[_Key, UUID | None]

log = structlog.get_logger()


class PromptFiles:
    """Keeps one file for each restaurant of this bridge and each kind of prompt: 200 restaurants
    and 400 kB a file at most.
    """

    def __init__(self, engine: Engine, *, bridge_id: str, folder: Path, packaged: Path) -> None:
        self._engine = engine
        self._bridge_id = bridge_id
        self._folder = folder.absolute()
        self._packaged = packaged.absolute()
        self._written: _Renderings = {}
        """What this process knows to be in the files; None is the packaged prompt."""
        self._wanted = gevent.event.Event()

    def folder(self, restaurant_id: UUID) -> Path:
        """Return where a restaurant's prompts are, or will be: `greeting.wav`, `busy.wav` …"""
        return self._folder / str(restaurant_id)

    def provide(self, restaurant_id: UUID) -> Path | None:
        """Return the folder that a gateway names, and see to it that its files are there.

        None, and so the packaged prompts, where its name can be in no gateway file.
        """
        folder = self.folder(restaurant_id)
        if not _SPOKEN_BY_THE_DIALPLAN.fullmatch(str(folder)):
            log.error("prompt_folder_unusable", reason="letters, digits, . _ - / and spaces only")
            return None
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for kind in PromptKind:
                with suppress(FileExistsError):
                    self._file((restaurant_id, kind)).symlink_to(self._packaged / _PACKAGED[kind])
        except OSError as error:  # the line is registered all the same
            log.warning("prompt_not_written", error=type(error).__name__)
        return folder

    def reload_soon(self) -> None:
        """Look now rather than at the next turn, because something changed."""
        self._wanted.set()

    def run(self) -> None:
        """Keep the files as Postgres says; while it is away the last ones stay."""
        run_loop(
            "prompt_files",
            self.reload,
            every_s=LOOK_S,
            failures=metrics.LOOP_FAILURES,
            wake=self._wanted,
        )

    def reload(self) -> None:
        """Write what changed, and remove what is of no restaurant of ours any more.

        Raises SQLAlchemyError. One file that cannot be written keeps no other from being written;
        its OSError is raised at the end.
        """
        self._wanted.clear()
        folders = self._restaurants()
        wanted = self._read()
        failed: OSError | None = None
        for key, rendering_id in wanted.items():
            try:
                self._make(key, rendering_id)
            except OSError as error:
                failed = error
        self._remove(folders - {self.folder(restaurant) for restaurant, _ in wanted})
        self._written = {key: self._written[key] for key in wanted if key in self._written}
        if failed is not None:
            raise failed

    def _restaurants(self) -> set[Path]:
        """The folders of restaurants: whatever else is beside them is not ours to remove."""
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return {folder for folder in found if _RESTAURANT.fullmatch(folder.name)}

    def _make(self, key: _Key, rendering_id: UUID | None) -> None:
        if key not in self._written or self._written[key] != rendering_id:
            self._write(key, rendering_id)

    def _write(self, key: _Key, rendering_id: UUID | None) -> None:
        file = self._file(key)
        if rendering_id is None:
            link_whole(file, self._packaged / _PACKAGED[key[1]])
        elif sound := self._sound(rendering_id):
            # The disk is waited for elsewhere: calls are served by this thread.
            gevent.get_hub().threadpool.apply(_write_if_new, (file, sound))
            log.info("prompt_written", restaurant_id=str(key[0]), kind=key[1])
        else:  # replaced while we looked: the next turn has the new one
            return
        self._written[key] = rendering_id

    def _file(self, key: _Key) -> Path:
        return self.folder(key[0]) / f"{key[1]}.wav"

    def _sound(self, rendering_id: UUID) -> bytes | None:
        with self._engine.connect() as connection:
            return connection.scalar(
                select(PromptRendering.wav).where(PromptRendering.id == rendering_id)
            )

    def _read(self) -> _Renderings:
        """Read what each file should hold."""
        here = or_(
            SipRegistration.bridge_id == self._bridge_id,
            SipRegistration.former_bridge_id == self._bridge_id,
        )
        ours = select(SipRegistration.restaurant_id).where(here)
        chosen = select(
            RestaurantPrompt.restaurant_id, RestaurantPrompt.kind, RestaurantPrompt.rendering_id
        ).where(RestaurantPrompt.restaurant_id.in_(ours))
        with self._engine.connect() as connection:
            wanted: _Renderings = dict.fromkeys(product(connection.scalars(ours), PromptKind))
            for row in connection.execute(chosen):
                wanted[row.restaurant_id, PromptKind(row.kind)] = row.rendering_id
        return wanted

    def _remove(self, folders: set[Path]) -> None:
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)


def _write_if_new(file: Path, content: bytes) -> None:
    """Leave the file alone if it is the same: an agent that starts finds those of the last one."""
    if not file.is_file() or file.read_bytes() != content:
        write_whole(file, content, durable=True)
