"""The errors of the event socket, and what each failure means to its caller.

EslError
├── EslTimeout                no answer before the deadline; a lost reply also costs the connection
├── EslDisconnected           no connection, or it ended before the answer (also greenswitch's
│                             NotConnectedError)
├── EslAuthenticationFailed   wrong password, or our address is not in the listener's ACL
├── EslCommandFailed          FreeSWITCH answered -ERR or -USAGE; `reply` holds its words
│   └── EslChannelGone        … because that channel does not exist (any more)
├── EslProtocolError          the peer sent what is not an event socket frame or event
└── InvalidEslArgument        we were given CR, LF or NUL, or an empty name (also ValueError)
"""

from greenswitch.esl import NotConnectedError

from controlplane.errors import AlloRestoError

_CHANNEL_GONE = ("-err invalid session id", "-err no such channel")


class EslError(AlloRestoError):
    """Every failure of the event socket is built on this one."""


class EslTimeout(EslError):
    """The answer did not come before the deadline. What was asked may still happen."""


class EslDisconnected(EslError, NotConnectedError):  # type: ignore[misc]  # greenswitch is untyped
    """There is no connection, or it ended before the answer. What was asked may have happened."""


class EslAuthenticationFailed(EslError):
    """The listener refused the password or the address."""


class EslCommandFailed(EslError):
    """FreeSWITCH refused the command; `reply` is its answer, as in `-ERR No such channel!`."""

    def __init__(self, reply: str) -> None:
        super().__init__(reply)
        self.reply = reply


class EslChannelGone(EslCommandFailed):
    """The command named a channel that does not exist, or that ended while it waited."""


class EslProtocolError(EslError):
    """The peer sent bytes that are no frame, or a payload that is no event."""


class InvalidEslArgument(EslError, ValueError):
    """An argument would have been read as a second command or header."""


def command_failed(reply: str) -> EslCommandFailed:
    """Return the error for a refusing `reply`: a missing channel has its own class."""
    reply = reply.strip()
    if reply.lower().startswith(_CHANNEL_GONE):
        return EslChannelGone(reply)
    return EslCommandFailed(reply)
