"""The dialplan applications that our dialplan and the bridge agent use (mod_dptools.c)."""

from collections.abc import Mapping
from typing import Final

from controlplane.contracts.media import FRAME_MS
from freeswitch.simulator.bridge_legs import bridge_legs
from freeswitch.simulator.hangup import cause_of
from freeswitch.simulator.playback import play
from freeswitch.simulator.recording import record
from freeswitch.simulator.session import Application, Session


async def _answer(session: Session, _: str) -> None:
    session.answer()


async def _park(session: Session, _: str) -> None:
    channel = session.channel
    channel.fire("CHANNEL_PARK")
    while session.ready:
        if await session.tick():
            session.dialog.rtp.skip()
        await session.parse_private_events()
    channel.set("park_timeout", None)
    channel.fire("CHANNEL_UNPARK")


async def _set(session: Session, data: str) -> None:
    name, _, value = data.partition("=")
    session.channel.set(name.strip(), value)


async def _set_global(session: Session, data: str) -> None:
    await session.parts.api(f"global_setvar {data}")


async def _multiset(session: Session, data: str) -> None:
    for pair in data.split():
        await _set(session, pair)


async def _unset(session: Session, data: str) -> None:
    session.channel.set(data.strip(), None)


async def _hangup(session: Session, data: str) -> None:
    session.hangup(data.strip() or "NORMAL_CLEARING")


async def _check_acl(session: Session, data: str) -> None:
    words = data.split()
    if len(words) > 1 and not session.parts.networks.check(words[0], words[1]):
        session.hangup(words[2] if len(words) > 2 else "CALL_REJECTED")


async def _respond(session: Session, data: str) -> None:
    status = data.split()[0] if data.split() else "503"
    session.respond_status = int(status) if status.isdigit() else 503
    session.hangup(cause_of(session.respond_status))


async def _transfer(session: Session, data: str) -> None:
    session.transfer(data.split())


async def _execute_extension(session: Session, data: str) -> None:
    words = data.split()
    context = words[2] if len(words) > 2 else session.channel.context
    actions = session.parts.dialplan.hunt(context, words[0], session.variable)
    for action in actions:
        if not session.ready:
            return
        await session.execute(action.application, action.data)


async def _sched_transfer(session: Session, data: str) -> None:
    when, *words = data.split()
    task = session.parts.scheduler.at(
        when, group=session.channel.uuid, run=lambda: session.transfer(words)
    )
    session.channel.set("last_sched_id", str(task))


async def _sched_hangup(session: Session, data: str) -> None:
    when, *rest = data.split()
    cause = rest[0] if rest else "ALLOTTED_TIMEOUT"
    session.parts.scheduler.at(when, group=session.channel.uuid, run=lambda: session.hangup(cause))


async def _sched_cancel(session: Session, data: str) -> None:
    session.parts.scheduler.cancel(data.strip() or session.channel.uuid)


async def _sleep(session: Session, data: str) -> None:
    frames = int(data) // FRAME_MS if data.strip().isdigit() else 0
    while frames and session.ready and not session.broken:
        if await session.tick():
            session.dialog.rtp.skip()
            frames -= 1
        await session.parse_private_events()


async def _nothing(_session: Session, _data: str) -> None:
    """Do nothing: `log` and `info` leave no trace here."""


APPLICATIONS: Final[Mapping[str, Application]] = {
    "answer": _answer,
    "bridge": bridge_legs,
    "check_acl": _check_acl,
    "execute_extension": _execute_extension,
    "hangup": _hangup,
    "info": _nothing,
    "log": _nothing,
    "multiset": _multiset,
    "park": _park,
    "playback": play,
    "record": record,
    "respond": _respond,
    "sched_cancel": _sched_cancel,
    "sched_hangup": _sched_hangup,
    "sched_transfer": _sched_transfer,
    "set": _set,
    "set_global": _set_global,
    "sleep": _sleep,
    "transfer": _transfer,
    "unset": _unset,
}
