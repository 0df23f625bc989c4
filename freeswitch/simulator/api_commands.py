"""The `api` commands that the bridge agent, the launcher and `fs_cli` users need, with FreeSWITCH's
answers.
"""

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import uuid4

from freeswitch.simulator.audio_stream import AudioStream
from freeswitch.simulator.gateway_file import GatewayFileError, read_gateways
from freeswitch.simulator.session import Session
from freeswitch.simulator.sofia_command import sofia, sofia_gateway_data
from freeswitch.simulator.switch import Switch

Command = Callable[[Switch, str], Awaitable[str]]

_OK: Final = "+OK\n"
_NO_CHANNEL: Final = "-ERR No such channel!\n"
_STREAM_OK: Final = "+OK Success\n"
_STREAM_FAILED: Final = "-ERR Operation Failed\n"
_STREAM_USAGE: Final = (
    "-USAGE: <uuid> [start | stop | send_text | pause | resume | graceful-shutdown ]"
    " [wss-url | path] [mono | mixed | stereo] [8000 | 16000] [metadata]\n"
)
VERSION: Final = "1.10.12-simulator"
SHUTDOWN_LOOK_S: Final = 0.5
"""`switch_core_session_ctl` looks this often whether a session is left."""


async def _status(switch: Switch, _: str) -> str:
    seconds = int(time.monotonic() - switch.started_at)
    return (
        f"UP 0 years, 0 days, {seconds // 3600} hours, {seconds // 60 % 60} minutes,"
        f" {seconds % 60} seconds, 0 milliseconds, 0 microseconds\n"
        f"FreeSWITCH (Version {VERSION} 64bit) is ready\n"
        f"{switch.sessions_total} session(s) since startup\n"
        f"{len(switch.sessions)} session(s) - peak {switch.sessions_total}, last 5min 0 \n"
        "0 session(s) per Sec out of max 60, peak 0, last 5min 0 \n"
        f"{switch.max_sessions} session(s) max\n"
        "min idle cpu 0.00/99.00\n"
    )


async def _uptime(switch: Switch, argument: str) -> str:
    per_second = {"": 1, "s": 1, "seconds": 1, "ms": 1_000, "us": 1_000_000}.get(argument.strip())
    if per_second is None:
        return "-USAGE: [us|ms|s|m|h|d|microseconds|milliseconds|seconds|minutes|hours|days]\n"
    return f"{int((time.monotonic() - switch.started_at) * per_second)}\n"


async def _version(_: Switch, __: str) -> str:
    return f"FreeSWITCH Version {VERSION}\n"


async def _show(switch: Switch, argument: str) -> str:
    words = argument.split()
    if not words or words[0] not in ("channels", "calls"):
        return "-USAGE: channels|calls [as json|count]\n"
    rows = [session.channel.row() for session in switch.sessions.values()]
    if words[-1] == "count":
        return f"\n{len(rows)} total.\n"
    if words[-2:] == ["as", "json"]:
        table = {"row_count": len(rows), "rows": rows} if rows else {"row_count": 0}
        return json.dumps(table, ensure_ascii=False) + "\n"
    lines = [",".join(rows[0]), *(",".join(row.values()) for row in rows)] if rows else []
    return "\n".join([*lines, f"\n{len(rows)} total.\n"])


async def _uuid_exists(switch: Switch, argument: str) -> str:
    return "true" if argument.strip() in switch.sessions else "false"


async def _uuid_dump(switch: Switch, argument: str) -> str:
    uuid, *layout = argument.split() or [""]
    session = switch.sessions.get(uuid)
    if session is None:
        return _NO_CHANNEL
    channel = session.channel
    headers = {
        **switch.bus.common_headers("CHANNEL_DATA"),
        **channel.headers(),
        **channel.variable_headers(),
    }
    if layout == ["json"]:
        return json.dumps(headers, ensure_ascii=False)
    return "".join(f"{name}: {value}\n" for name, value in headers.items())


async def _uuid_getvar(switch: Switch, argument: str) -> str:
    uuid, _, name = argument.partition(" ")
    session = switch.sessions.get(uuid)
    return _NO_CHANNEL if session is None else session.channel.variable(name) or "_undef_"


async def _uuid_setvar(switch: Switch, argument: str) -> str:
    uuid, name, value = [*argument.split(" ", 2), "", ""][:3]
    session = switch.sessions.get(uuid)
    if session is None:
        return _NO_CHANNEL
    session.channel.set(name, value)
    return _OK


async def _uuid_setvar_multi(switch: Switch, argument: str) -> str:
    uuid, _, pairs = argument.partition(" ")
    session = switch.sessions.get(uuid)
    if session is None:
        return f"{_NO_CHANNEL}-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    for pair in pairs.split(";"):
        name, _, value = pair.partition("=")
        session.channel.set(name.strip(), value)
    return _OK


async def _uuid_break(switch: Switch, argument: str) -> str:
    uuid, *rest = argument.split() or [""]
    session = switch.sessions.get(uuid)
    if session is None:
        return _NO_CHANNEL
    session.break_playback(flush=rest == ["all"])
    return _OK


async def _uuid_kill(switch: Switch, argument: str) -> str:
    uuid, *cause = argument.split() or [""]
    session = switch.sessions.get(uuid)
    if session is None:
        return _NO_CHANNEL
    session.hangup(cause[0] if cause else "NORMAL_CLEARING")
    return _OK


async def _uuid_transfer(switch: Switch, argument: str) -> str:
    uuid, *words = separate(argument) or [""]
    session = switch.sessions.get(uuid)
    if session is None or not words:
        return _NO_CHANNEL
    session.transfer(words)
    return _OK


async def _uuid_fileman(switch: Switch, argument: str) -> str:
    uuid, *words = argument.split() or [""]
    session = switch.sessions.get(uuid)
    if session is None:
        return _NO_CHANNEL
    if session.playing is None:
        return "-ERR No file handle!\n"
    if words == ["pause"]:
        session.playing.paused = not session.playing.paused
    elif words == ["stop"]:
        session.break_playback(flush=False)
    return _OK


async def _uuid_buglist(switch: Switch, argument: str) -> str:
    session = switch.sessions.get(argument.strip())
    if session is None:
        return ""
    bug = (
        " <media-bug>\n  <function>audio_stream</function>\n  <target>N/A</target>\n"
        "  <thread-locked>0</thread-locked>\n </media-bug>\n"
    )
    return f"<media-bugs>\n{bug}</media-bugs>\n" if session.stream else "<media-bugs/>\n"


async def _uuid_audio_stream(switch: Switch, argument: str) -> str:
    words = separate(argument)
    if len(words) < 2 or (words[1] == "start" and len(words) < 4):
        return _STREAM_USAGE
    session = switch.sessions.get(words[0])
    if session is None:
        return _STREAM_FAILED
    match words[1].lower():
        case "start":
            return _start_stream(switch, session, words)
        case "stop" if session.stream is not None:
            stream, session.stream = session.stream, None
            await stream.stop()
            return _STREAM_OK
        case "pause" | "resume" if session.stream is not None:
            session.stream.paused = words[1].lower() == "pause"
            return _STREAM_OK
        case "send_text" if len(words) < 3:
            return ""
        case "send_text" if session.stream is not None:
            session.stream.send_text(words[2])
            return _STREAM_OK
    return _STREAM_FAILED


def _start_stream(switch: Switch, session: Session, words: list[str]) -> str:
    url, mix = words[2], words[3]
    if mix not in ("mono", "mixed", "stereo"):
        return ""
    rate_text = words[4] if len(words) > 4 else "8k"
    rate = {"8k": 8_000, "16k": 16_000, "8000": 8_000, "16000": 16_000}.get(rate_text)
    if session.stream is not None or rate is None or not AudioStream.is_valid_url(url):
        return _STREAM_FAILED

    def detach() -> None:
        session.stream = None

    session.stream = AudioStream(
        session.channel,
        url=url,
        rate=rate,
        metadata=words[5] if len(words) > 5 else None,
        temp_folder=switch.settings.temp_folder,
        on_detached=detach,
    )
    return _STREAM_OK


async def _sched_transfer(switch: Switch, argument: str) -> str:
    when, uuid, *words = argument.split() or [""]
    session = switch.sessions.get(uuid)
    if session is None or not words:
        return _NO_CHANNEL
    switch.scheduler.at(when, group=uuid, run=lambda: session.transfer(words))
    return _OK


async def _sched_api(switch: Switch, argument: str) -> str:
    when, _, rest = argument.partition(" ")
    group, _, command = rest.partition(" ")
    if not command:
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    task = switch.scheduler.at(
        when, group=group, run=lambda: switch.soon(run_command(switch, command))
    )
    return f"+OK Added: {task}\n"


async def _sched_hangup(switch: Switch, argument: str) -> str:
    when, uuid, *words = argument.split() or [""]
    session = switch.sessions.get(uuid)
    if session is None:
        return _NO_CHANNEL
    cause = words[0] if words else "ALLOTTED_TIMEOUT"
    switch.scheduler.at(when, group=uuid, run=lambda: session.hangup(cause))
    return _OK


async def _sched_del(switch: Switch, argument: str) -> str:
    return f"+OK Deleted: {switch.scheduler.cancel(argument.strip())}\n"


async def _file_exists(_: Switch, argument: str) -> str:
    return "true" if os.path.exists(argument.strip()) else "false"  # noqa: ASYNC240  # one stat


async def _global_getvar(switch: Switch, argument: str) -> str:
    known = {"core_uuid": switch.bus.core_uuid, **switch.settings.globals, **switch.globals_set}
    return known.get(argument.strip(), "")


async def _global_setvar(switch: Switch, argument: str) -> str:
    """Set a variable by `NAME=VALUE`, or `NAME=VALUE=NOW`: only while it is `NOW`."""
    name, *values = (word.strip() for word in argument.split("=", 2))
    value, now = [*values, "", ""][:2]
    if not name:
        return "-USAGE: <var>=<value> [=<value2>]\n"
    if not now or switch.globals_set.get(name) == now:
        switch.globals_set[name] = value
    return "+OK"


async def _alias(_: Switch, argument: str) -> str:
    """Accept `alias`, which is for `fs_cli`; nobody types into it here."""
    words = argument.split()
    if words[:1] in (["add"], ["stickyadd"]) and len(words) > 2:
        return _OK
    if words[:1] == ["del"] and len(words) > 1:
        return _OK
    return "-USAGE: [add|stickyadd] <alias> <command> | del [<alias>|*]\n"


async def _acl(switch: Switch, argument: str) -> str:
    words = argument.split()
    return str(len(words) > 1 and switch.networks.check(words[0], words[1])).lower()


async def _reloadacl(switch: Switch, _: str) -> str:
    switch.bus.fire("RELOADXML")
    try:
        read_gateways(switch.settings.gateway_folder)  # one broken file keeps everything as it was
        switch.networks.load()
    except GatewayFileError:
        return "-ERR [[error near line 1]: unexpected closing tag]\n"
    return "+OK acl reloaded\n"


async def _reloadxml(switch: Switch, _: str) -> str:
    switch.bus.fire("RELOADXML")
    return "+OK [Success]\n"


async def _create_uuid(_: Switch, __: str) -> str:
    return str(uuid4())


async def _fsctl(switch: Switch, argument: str) -> str:
    match argument.split():
        case ["pause" | "resume" as verb, *side]:
            paused = verb == "pause"
            switch.paused_inbound = switch.paused_inbound if side == ["outbound"] else paused
            switch.paused_outbound = switch.paused_outbound if side == ["inbound"] else paused
            return _OK
        case ["pause_check", "inbound"]:
            return str(switch.paused_inbound).lower()
        case ["pause_check", "outbound"]:
            return str(switch.paused_outbound).lower()
        case ["pause_check", *_]:  # true of both only: a trap of the real one
            return str(switch.paused_inbound and switch.paused_outbound).lower()
        case ["max_sessions", most]:
            switch.max_sessions = int(most)
            return f"+OK max sessions: {most}\n"
        case ["shutdown_check"]:
            return str(switch.shutdown_requested).lower()
        case ["shutdown", "cancel"]:
            switch.shutdown_requested = False
            return _OK
        case ["shutdown", "elegant"]:
            return await _shutdown_elegantly(switch)
        case ["shutdown", *_]:
            switch.stopping.set()
            return _OK
    return "-ERR Invalid command\n"


async def _shutdown_elegantly(switch: Switch) -> str:
    """Answer when no session is left, or when called off. It goes on without whoever asked."""
    switch.shutdown = switch.shutdown or asyncio.create_task(_shut_down_when_empty(switch))
    await asyncio.shield(switch.shutdown)
    return _OK


async def _shut_down_when_empty(switch: Switch) -> None:
    """Stop once no session is left. New calls are taken meanwhile."""
    switch.shutdown_requested = True
    while switch.shutdown_requested and switch.sessions:  # noqa: ASYNC110  # as the real one does
        await asyncio.sleep(SHUTDOWN_LOOK_S)
    if switch.shutdown_requested:
        switch.stopping.set()
    else:  # called off, and a pause with it
        switch.paused_inbound = switch.paused_outbound = False
    switch.shutdown = None


async def _hupall(switch: Switch, argument: str) -> str:
    cause = argument.split()[0] if argument.split() else "MANAGER_REQUEST"
    for session in list(switch.sessions.values()):
        session.hangup(cause)
    return f"+OK hangup all channels with cause {cause}\n"


async def _sofia_contact(switch: Switch, argument: str) -> str:
    """Tell where an account of the simulator's own carrier is registered."""
    user = argument.strip().rpartition("/")[2].partition("@")[0]
    contact = switch.registrar.contact(user) if switch.registrar is not None else None
    return f"sofia/carrier/{contact}" if contact else "error/user_not_registered"


COMMANDS: Final[Mapping[str, Command]] = {
    "acl": _acl,
    "alias": _alias,
    "create_uuid": _create_uuid,
    "file_exists": _file_exists,
    "fsctl": _fsctl,
    "global_getvar": _global_getvar,
    "global_setvar": _global_setvar,
    "hupall": _hupall,
    "reloadacl": _reloadacl,
    "reloadxml": _reloadxml,
    "sched_api": _sched_api,
    "sched_del": _sched_del,
    "sched_hangup": _sched_hangup,
    "sched_transfer": _sched_transfer,
    "show": _show,
    "sofia": sofia,
    "sofia_contact": _sofia_contact,
    "sofia_gateway_data": sofia_gateway_data,
    "status": _status,
    "uptime": _uptime,
    "uuid_audio_stream": _uuid_audio_stream,
    "uuid_break": _uuid_break,
    "uuid_buglist": _uuid_buglist,
    "uuid_dump": _uuid_dump,
    "uuid_exists": _uuid_exists,
    "uuid_fileman": _uuid_fileman,
    "uuid_getvar": _uuid_getvar,
    "uuid_kill": _uuid_kill,
    "uuid_setvar": _uuid_setvar,
    "uuid_setvar_multi": _uuid_setvar_multi,
    "uuid_transfer": _uuid_transfer,
    "version": _version,
}


async def run_command(switch: Switch, command: str) -> str:
    """Run one API command and return its answer, which may be empty."""
    name, _, argument = command.strip().partition(" ")
    run = COMMANDS.get(name)
    if run is None:
        return f"-ERR {name} Command not found!\n"
    answer = await run(switch, argument.strip())
    headers = {"API-Command": name}
    if argument:
        headers["API-Command-Argument"] = argument
    switch.bus.fire("API", headers)
    return answer


def separate(text: str) -> list[str]:
    """Split on spaces; a word in single quotes is one word, without the quotes
    (`switch_separate_string`).
    """
    words: list[str] = []
    for word in text.split(" "):
        if word:
            quoted = len(word) > 1 and word[0] == word[-1] == "'"
            words.append(word[1:-1] if quoted else word)
    return words
