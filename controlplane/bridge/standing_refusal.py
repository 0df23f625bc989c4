"""What the dialplan refuses to callers for as long as this agent says so.

It is a global variable of FreeSWITCH, which outlives the agent that set it. So each refusal lapses
unless it is said again: callers of an agent that died get what the dialplan has without one.
"""

import time
from typing import Final

from controlplane.contracts.channel_variables import ChannelVariable
from controlplane.esl.client import EslClient

LAPSES_S: Final = 10
"""After the agent's last word, by FreeSWITCH's scheduler."""
SAID_AGAIN_S: Final = 3.0
"""Whoever looks every 5 s may be late once."""


class StandingRefusal:
    """One such variable. Whoever looks tells it each time, whether anything changed or not."""

    def __init__(self, esl: EslClient, variable: ChannelVariable) -> None:
        self._esl = esl
        self._variable = variable
        self._told: bool | None = None
        self._told_at = 0.0

    @property
    def told(self) -> bool | None:
        """What this FreeSWITCH was told last; None: nothing yet."""
        return self._told

    def forget(self) -> None:
        """It may be another FreeSWITCH, or another agent told it something."""
        self._told = None

    def tell(self, *, refused: bool) -> None:
        """Tell FreeSWITCH what is new, and a refusal again in time. Raises `EslError`.

        In one write, and in this order: however much of it arrives, nothing is refused for ever.
        """
        now = time.monotonic()
        if refused == self._told and not (refused and now - self._told_at >= SAID_AGAIN_S):
            return
        takes = f"global_setvar {self._variable}=false"
        commands = [takes, f"sched_del {self._variable}"]
        if refused:
            commands.append(f"sched_api +{LAPSES_S} {self._variable} {takes}")
            commands.append(f"global_setvar {self._variable}=true")
        self._told = None  # until all of it is answered
        self._esl.api_together(*commands)
        self._told, self._told_at = refused, now
