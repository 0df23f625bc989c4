"""Step 5 of a call, the stream, and all else the bridge does to a channel, in FreeSWITCH's words.

Two ESL connections: `control` for the call's course, `media` for what must be quick.
"""

import re
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final
from uuid import UUID

from gevent.lock import BoundedSemaphore

from controlplane.bridge.calls.way_out_margin import WayOutMargin
from controlplane.contracts.channel_variables import ChannelVariable as Variable
from controlplane.contracts.hangup_causes import HangupCause
from controlplane.contracts.media import read_ptime_ms, stream_buffer_ms
from controlplane.contracts.messages import Message, encode_bridge_message
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed, InvalidEslArgument
from controlplane.esl.event import EslEvent

RING_S: Final = 20
"""A phone rings this long before the caller comes back."""

ACCEPT_S: Final = 15
"""Who picked up hears in 7 s who it is and presses the key; if not (perhaps a voicemail), they are
let go."""

ANNOUNCE_S: Final = 6
"""The caller hears that somebody is being rung, before it rings."""

RING_STARTS_S: Final = 8
"""What is queued before (`MAX_OUTSTANDING` chunks, 6.4 s) is heard first; then the dialplan looks
after the caller."""

OUR_AUDIO: Final = re.compile(r"^m=audio [1-9]\d* \S+( \d+)*? [08]\b", re.MULTILINE)
"""An offer of PCMA or PCMU, by their static payload types (RFC 3551 §6)."""

ACCEPT_KEY: Final = "1"

WAITING_TONE: Final = "tone_stream://L=30;v=-20;%(250,1750,480)"
"""A soft tone every two seconds for a minute, which is longer than anybody waits for it."""

WAY_OUT_S: Final = 2
"""The dead man's switch: an agent that stops renewing it loses its calls to the dialplan. Renewed
just after each second of FreeSWITCH's clock (`switch_clock.py`) it runs out 1.8 to 2.4 s later, and
another second would be unexplained silence."""

AGENT_LOST: Final = "agent_lost"
"""The dialplan's extension in which a caller waits for an agent that may come back."""

HUMAN_RUNG_FOR: Final = "alloresto_human_rung_for_"
"""A gateway's global variable of the dialplan: the channel of the caller who has a human rung."""

WAY_OUT_EXTENSIONS: Final = frozenset({"over_limit", "no_agent", "fallback", "leave_message"})
"""A caller already there hears the dialplan; taking the call back would cut the message."""


class Application(StrEnum):
    """FreeSWITCH's applications, as its events and our commands name them."""

    BRIDGE_LEGS = "bridge"
    """Rings a dial string and connects the two legs; the node is called bridge, this is not it."""
    SCHED_TRANSFER = "sched_transfer"
    SCHED_CANCEL = "sched_cancel"
    PLAYBACK = "playback"
    EXECUTE_EXTENSION = "execute_extension"


class Channel:
    """Commands one channel. Every method may raise `EslError`."""

    def __init__(
        self,
        channel_uuid: UUID,
        *,
        control: EslClient,
        media: EslClient,
        sounds: Path,
        own_prompts: Path,
        margin: WayOutMargin,
    ) -> None:
        self._uuid = str(channel_uuid)
        self._control = control
        self._media = media
        self._sounds = sounds
        self._own_prompts = own_prompts
        self._margin = margin
        self._way_out: str | None = None
        """The task that is armed. None: who knows, the dialplan or another agent armed some."""
        self._way_out_due: float | None = None
        """When the one that we armed last may run; None: somebody else armed one since."""
        self._silence_filled = False
        self._queueing = BoundedSemaphore()
        """Held while what plays is stopped and something else queued: a worker's first words and a
        prompt of the story's may come at once."""

    def set(self, variables: dict[Variable, str]) -> None:
        """Set channel variables; values hold no `;` (ids and settings of ours)."""
        if any(";" in value for value in variables.values()):
            raise InvalidEslArgument("a channel variable's value holds a semicolon")
        pairs = ";".join(f"{name}={value}" for name, value in variables.items())
        self._control.api(f"uuid_setvar_multi {self._uuid} {pairs}")

    def start_stream(self, url: str, *, ptime_ms: int) -> None:
        """Ask for the stream; only `mod_audio_stream::connect` says that it is there. A packet of
        the caller's holds `ptime_ms`.
        """
        self.set(stream_settings(ptime_ms))
        self._control.api(f"uuid_audio_stream {self._uuid} start {url} mono 8k")

    def stop_stream(self) -> None:
        """Detach the stream, if one is. A server that never answers the close blocks it 1 s."""
        with suppress(EslCommandFailed):
            self._control.bgapi(f"uuid_audio_stream {self._uuid} stop")

    def exists(self) -> bool:
        """Whether FreeSWITCH still has the channel."""
        return self._control.api(f"uuid_exists {self._uuid}").strip() == "true"

    def has_stream(self) -> bool:
        """Whether a stream is attached, connected or not."""
        return stream_attached(self._control, self._uuid)

    def tell_worker(self, message: Message) -> None:
        """Send a control message over the stream; a stream just lost says so by its own event."""
        text = encode_bridge_message(message)
        with suppress(EslCommandFailed):
            self._media.api(f"uuid_audio_stream {self._uuid} send_text {text}")

    def play(self, file: str, execution: str | None = None) -> None:
        """Queue a file, which ends the waiting tone: somebody speaks from now on. Its completion
        carries the UUID `execution`.
        """
        with self._queueing:
            self._end_filling()
            self._queue(file, execution)

    def _queue(self, file: str, execution: str | None = None) -> None:
        """Queue a file; `event-lock` keeps queued playbacks in order."""
        self._media.execute(self._uuid, Application.PLAYBACK, file, event_uuid=execution)

    def play_prompt(self, name: str) -> None:
        """Queue one of the French prompts."""
        self.play(self._prompt(name))

    def _prompt(self, name: str) -> str:
        """Return the prompt in the restaurant's words where it has some, else the packaged one."""
        own = self._own_prompts / f"{name}.wav"
        return str(own if own.is_file() else self._sounds / f"{name}.wav")

    @property
    def silence_filled(self) -> bool:
        """Whether the caller hears a message and the tone, until a worker speaks."""
        return self._silence_filled

    def fill_silence(self, *, prompt: str) -> None:
        """Say something, then play the waiting tone until something else is played.

        A caller who waits for a worker must not think that the line is dead.
        """
        with self._queueing:
            self._fill(prompt)

    def keep_filling(self, *, prompt: str) -> bool:
        """Say something before the tone goes on. False: there is no tone, a worker has spoken."""
        with self._queueing:
            if self._silence_filled:
                self._fill(prompt)
            return self._silence_filled

    def fill_with_tone(self) -> None:
        """Play the waiting tone, without a word, unless it plays already: a second one would
        outlive the first.
        """
        with self._queueing:
            if not self._silence_filled:
                self._queue(WAITING_TONE)
                self._silence_filled = True

    def end_tone(self) -> None:
        """Stop the waiting tone, if there is one."""
        with self._queueing:
            self._end_filling()

    def _fill(self, prompt: str) -> None:
        self.stop_playing()
        self._queue(self._prompt(prompt))
        self._queue(WAITING_TONE)
        self._silence_filled = True

    def _end_filling(self) -> None:
        """Stop the tone, if there is one."""
        if self._silence_filled:
            self.stop_playing()
            self._silence_filled = False

    def sent_ptime_ms(self) -> int | None:
        """How much a packet of the caller's holds, if that is not what was agreed on."""
        return read_ptime_ms(self._control.api(f"uuid_getvar {self._uuid} {Variable.BROKEN_PTIME}"))

    def offer_audio_again(self) -> None:
        """Have FreeSWITCH offer our codecs, if the caller's last offer had none of them.

        It has refused that offer with 488 and, other than RFC 3261 §14.2 says, neither hears the
        caller nor plays in time from then on (switch_core_media.c, `CF_AUDIO`).
        """
        offered = self._control.api(f"uuid_getvar {self._uuid} {Variable.REMOTE_SDP}")
        if offered.startswith("v=") and not OUR_AUDIO.search(offered):
            self._control.api(f"uuid_media_reneg {self._uuid}")

    def stop_playing(self) -> None:
        """Stop what plays and flush the queue, within a frame."""
        self._media.api(f"uuid_break {self._uuid} all")

    def ring(self, dial_string: str, *, prompt: str, warm: bool) -> None:
        """Say so and ring somebody. CHANNEL_EXECUTE_COMPLETE of `bridge` tells the outcome; what
        comes next happens in the dialplan (`ring_human`), whether this agent lives or not.

        `warm`: who picks up hears a prompt and must press `ACCEPT_KEY`, while the caller still
        hears the ring-back tone (switch_ivr_originate.c, `group_confirm_key`). FreeSWITCH itself
        cancels the way out when somebody answers: two people who talk are not cut off because an
        agent was slow, or died.
        """
        with self._queueing:
            self._end_filling()
        ends_s = RING_S
        if warm:
            confirm = {
                Variable.GROUP_CONFIRM_KEY: ACCEPT_KEY,
                Variable.GROUP_CONFIRM_FILE: self._sounds / "accept_transfer.wav",
                Variable.GROUP_CONFIRM_TIMEOUT: ACCEPT_S,
            }
            # The phone's own limit, which FreeSWITCH puts off when it is picked up; `call_timeout`
            # it does not, so who picked up late would be cut off over the prompt.
            ends_s = RING_S + ACCEPT_S
            options = ",".join(f"{name}={value}" for name, value in confirm.items())
            dial_string = f"{{{options}}}[{Variable.LEG_TIMEOUT}={RING_S}]{dial_string}"
        self.set(
            {
                Variable.CALL_TIMEOUT: str(ends_s),
                Variable.HANGUP_AFTER_BRIDGE: "true",
                Variable.CONTINUE_ON_FAIL: "true",
                Variable.BRIDGE_PRE_EXECUTE_ALEG_APP: "sched_cancel",
            }
        )
        self.set({Variable.RING_PROMPT: prompt, Variable.RING_DIAL: dial_string})
        self.set({Variable.ORIGINATE_DISPOSITION: ""})  # there is one when it is over
        self._control.execute(self._uuid, Application.EXECUTE_EXTENSION, "ring_human XML public")

    def hang_up(self, cause: HangupCause) -> None:
        """End the call."""
        self._control.hangup(self._uuid, cause)

    def renew_way_out(self, after_s: int = WAY_OUT_S) -> None:
        """Put off the dialplan's own way out by this much, in one round trip.

        The new one is armed before the old one is taken away: an agent that is killed in between
        leaves nobody in a silence without end. Where it is not known which is armed, one stands in
        while all are taken away: a connection that is reset may lose what was sent last.
        """
        due = self._margin.due(after_s)
        take = f"uuid_transfer {self._uuid} {AGENT_LOST} XML public"
        arm, stand_in = f"sched_api +{after_s} {self._uuid} {take}", f"{self._uuid}-stands-in"
        armed, self._way_out = self._way_out, None
        if armed is not None:
            answer, _ = self._control.api_together(arm, f"sched_del {armed}")
        else:
            _, _, answer, _ = self._control.api_together(
                f"sched_api +{after_s} {stand_in} {take}",
                f"sched_del {self._uuid}",
                arm,
                f"sched_del {stand_in}",
            )
        self._way_out = answer.rpartition(" ")[2].strip()
        if self._way_out_due is not None:
            self._margin.put_off(self._way_out_due)
        self._way_out_due = due

    def forget_ringing(self, gateway: str) -> None:
        """Somebody picked up: a call of the restaurant's own number is not our own any more, unless
        somebody is rung for another caller.
        """
        self._control.api(f"global_setvar {HUMAN_RUNG_FOR}{gateway}=={self._uuid}")

    def forget_way_out(self) -> None:
        """Somebody else armed one: the next renewal takes away whatever there is."""
        self._way_out = self._way_out_due = None

    def cancel_way_out(self) -> None:
        """Forget what was scheduled for this channel."""
        self.forget_way_out()
        with suppress(EslCommandFailed):
            self._control.api(f"sched_del {self._uuid}")

    def extension(self) -> str:
        """Which of the dialplan's extensions has the channel."""
        dump = EslEvent.parse(self._control.api(f"uuid_dump {self._uuid} json"))
        return dump.get("Caller-Destination-Number") or ""

    def take_back(self) -> None:
        """Have the channel park again: the dialplan had it, for want of an agent. Its CHANNEL_PARK
        says that it is ours.
        """
        self._control.api(f"uuid_transfer {self._uuid} agent_back XML public")

    def leave_over_limit(self) -> None:
        """Leave the caller to the dialplan: busy message, a message; nobody's phone is rung."""
        self._leave_to("over_limit")

    def leave_message(self) -> None:
        """Leave the caller to the dialplan's last rung: a message, goodbye."""
        self._leave_to("leave_message")

    def take_way_out(self) -> None:
        """Leave the caller to the dialplan: busy message, restaurant's phone, a message."""
        self._leave_to("no_agent")

    def _leave_to(self, extension: str) -> None:
        """Have the dialplan go on there; what is queued is not heard any more."""
        with self._queueing:
            self._control.api(f"uuid_transfer {self._uuid} {extension} XML public")
            self._silence_filled = False


def stream_settings(ptime_ms: int) -> dict[Variable, str]:
    """Every setting of mod_audio_stream, which reads unset ones uninitialised."""
    return {
        Variable.STREAM_MESSAGE_DEFLATE: "true",
        Variable.STREAM_HEART_BEAT: "15",
        Variable.STREAM_SUPPRESS_LOG: "true",
        Variable.STREAM_BUFFER_SIZE: str(stream_buffer_ms(ptime_ms)),
    }


def stream_attached(control: EslClient, channel_uuid: str) -> bool:
    """Whether mod_audio_stream is on the channel; an empty list arrives as `-ERR no reply`."""
    with suppress(EslCommandFailed):
        return "audio_stream" in control.api(f"uuid_buglist {channel_uuid}")
    return False
