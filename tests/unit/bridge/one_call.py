"""One call of a bridge without sockets: its real parts, and a switch that keeps what it is told."""

import json
from pathlib import Path
from typing import cast
from uuid import UUID

from controlplane.bridge.calls.audio_control import AudioControl
from controlplane.bridge.calls.call_context import CallContext
from controlplane.bridge.calls.call_policy import CallPolicy
from controlplane.bridge.calls.call_record import CallEventPublisher, CallRecord
from controlplane.bridge.calls.call_state import GreetingState, StreamState
from controlplane.bridge.calls.channel import Channel
from controlplane.bridge.calls.offers import Offers
from controlplane.bridge.calls.playback import Playback
from controlplane.bridge.calls.restaurant_limits import Limit
from controlplane.bridge.calls.switch_clock import SwitchClock
from controlplane.bridge.calls.voice_messages import VoiceMessages
from controlplane.bridge.calls.way_out_margin import WayOutMargin
from controlplane.contracts.messages import BridgeMessage, CallEvent, decode_bridge_message
from controlplane.esl.client import EslClient
from tests.unit.bridge.test_incoming_call import call

SOUNDS = Path("/sounds")


class RecordedSwitch:
    """It takes every command, and keeps what each would have the caller hear or the worker told."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.writes: list[tuple[str, ...]] = []
        """Commands that left together."""
        self.played: list[str] = []
        """Files by their stem, the waiting tone as `tone`, a stop of all as `stop`."""
        self.told: list[BridgeMessage] = []
        self.exists = True
        self.extension = "incoming_call"
        self.variable = ""
        """Any channel variable that is asked for."""

    def api(self, command: str) -> str:
        self.commands.append(command)
        verb, _, arguments = command.partition(" ")
        if verb == "uuid_exists":
            return "true" if self.exists else "false"
        if verb == "uuid_dump":
            return json.dumps({"Caller-Destination-Number": self.extension})
        if verb == "uuid_getvar":
            return self.variable
        if verb == "uuid_break":
            self.played.append("stop")
        if verb == "uuid_audio_stream" and " send_text " in arguments:
            self.told.append(decode_bridge_message(arguments.rpartition(" ")[2]))
        return "+OK"

    def api_together(self, *commands: str) -> list[str]:
        self.writes.append(commands)
        return [self.api(command) for command in commands]

    def bgapi(self, command: str) -> str:
        return self.api(command)

    def execute(
        self, channel_uuid: str, application: str, argument: str, *, event_uuid: str | None = None
    ) -> str:
        if application == "playback":
            tone = argument.startswith("tone_stream:")
            self.played.append("tone" if tone else Path(argument).stem)
        else:
            self.commands.append(f"{application} {argument}")
        return ""

    def hangup(self, channel_uuid: str, cause: str) -> None:
        self.commands.append(f"hangup {cause}")


class OneCall:
    """A call past its greeting, without a worker."""

    def __init__(self) -> None:
        self.switch = RecordedSwitch()
        self.message_left = False
        self.takes_message = True
        self.limit: Limit | None = None
        self.facts: list[CallEvent] = []
        self.call = call()
        self.call.becomes(GreetingState.OVER)
        socket = cast("EslClient", self.switch)
        self.margin = WayOutMargin(SwitchClock())
        self.channel = Channel(
            self.call.channel_uuid,
            control=socket,
            media=socket,
            sounds=SOUNDS,
            own_prompts=Path("/nowhere"),
            margin=self.margin,
        )
        self.playback = Playback(
            play=self.channel.play, stop=self.channel.stop_playing, remove=lambda _: None
        )
        self.context = CallContext(
            call=self.call,
            channel=self.channel,
            playback=self.playback,
            audio=AudioControl(self.call, self.playback, tell_worker=self.channel.tell_worker),
            offers=cast("Offers", None),
            record=CallRecord(
                self.call, bridge_id="bridge-0", publisher=cast("CallEventPublisher", self)
            ),
            messages=cast("VoiceMessages", self),
            policy=CallPolicy,
            over_limit=lambda: self.limit,
            takes_message=lambda: self.takes_message,
            bridge_id="bridge-0",
        )

    def finished(self, channel_uuid: UUID, *, hidden: bool) -> bool:
        return self.message_left

    def publish(self, event: CallEvent) -> None:
        self.facts.append(event)

    def connect_worker(self) -> None:
        self.call.becomes(StreamState.ATTACHED)

    def heard_since(self) -> list[str]:
        """What the caller was to hear since this was last looked at."""
        heard, self.switch.played = self.switch.played, []
        return heard
