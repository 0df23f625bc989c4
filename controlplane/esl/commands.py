"""The commands we send, as bytes. It is pure, and the only place where command text is put
together.

A line break in any argument would be read as a second command or header, and ESL access is root:
`argument` refuses it. Source: mod_event_socket.c `parse_command`, switch_ivr.c
`switch_ivr_parse_event`.
"""

from collections.abc import Iterable

from controlplane.esl.errors import InvalidEslArgument

_FORBIDDEN = ("\r", "\n", "\0")
_CUSTOM = "CUSTOM"


def argument(value: str, *, name: str) -> str:
    """Return `value` unchanged. Raises InvalidEslArgument on CR, LF, NUL or text that cannot be
    encoded.
    """
    if any(char in value for char in _FORBIDDEN):
        raise InvalidEslArgument(f"{name} holds a line break or NUL")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidEslArgument(f"{name} cannot be encoded as UTF-8") from error
    return value


def word(value: str, *, name: str) -> str:
    """Return an `argument` that is one non-empty word: a UUID, an application, a cause."""
    if not value or value.split() != [value]:
        raise InvalidEslArgument(f"{name} must be one word")
    return argument(value, name=name)


def auth(password: str) -> bytes:
    return _message(f"auth {argument(password, name='password')}")


def api(command: str) -> bytes:
    return _message(f"api {_command(command)}")


def bgapi(command: str, *, job_uuid: str) -> bytes:
    return _message(f"bgapi {_command(command)}", f"Job-UUID: {word(job_uuid, name='job_uuid')}")


def execute(
    channel_uuid: str, application: str, argument_text: str, *, event_uuid: str, event_lock: bool
) -> bytes:
    """Build the `sendmsg` that runs a dialplan application; `event_lock` queues it after others."""
    lines = [
        "call-command: execute",
        f"execute-app-name: {word(application, name='application')}",
        f"Event-UUID: {word(event_uuid, name='event_uuid')}",
    ]
    if argument_text:
        lines.append(f"execute-app-arg: {argument(argument_text, name='argument')}")
    if event_lock:
        lines.append("event-lock: true")
    return _message(f"sendmsg {word(channel_uuid, name='channel_uuid')}", *lines)


def send_event(name: str) -> bytes:
    """Build the `sendevent` that fires an event of that name, without headers."""
    return _message(f"sendevent {word(name, name='event')}")


def uuid_kill(channel_uuid: str, cause: str) -> str:
    """Spell the API command that hangs up at once, past any queued `sendmsg`."""
    return f"uuid_kill {word(channel_uuid, name='channel_uuid')} {word(cause, name='cause')}"


def breaks_all_of(command: str) -> str | None:
    """Return the channel whose queued executions `command` throws away (`uuid_break UUID all`), or
    None.
    """
    words = command.split()
    if len(words) == 3 and words[0] == "uuid_break" and words[2] == "all":
        return words[1]
    return None


def subscribe(events: Iterable[str]) -> bytes:
    """Build `event json …`.

    Entries are `NAME`, `CUSTOM subclass…` or `module::subclass`. FreeSWITCH reads every name after
    CUSTOM as a subclass, so subclasses go last.
    """
    names: dict[str, None] = {}
    subclasses: dict[str, None] = {}
    for entry in events:
        first, *rest = argument(entry, name="event").split() or [""]
        if not first or (rest and first != _CUSTOM):
            raise InvalidEslArgument(f"not an event name: {entry!r}")
        if "::" in first:
            subclasses[first] = None
        elif first != _CUSTOM:
            names[first] = None
        subclasses.update(dict.fromkeys(rest))
    if not names and not subclasses:
        raise InvalidEslArgument("no event to subscribe to")
    custom = [_CUSTOM, *subclasses] if subclasses else []
    return _message(" ".join(["event", "json", *names, *custom]))


def _command(command: str) -> str:
    if not command.strip():
        raise InvalidEslArgument("command is empty")
    return argument(command, name="command")


def _message(*lines: str) -> bytes:
    return ("\n".join(lines) + "\n\n").encode()
