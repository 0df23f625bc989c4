"""FreeSWITCH channel variables the project sets or reads.

Tests hold `freeswitch/conf/` to these names. In events a variable appears as `variable_<name>`.
"""

from enum import StrEnum


class ChannelVariable(StrEnum):
    """The variables by their names: ours begin with `alloresto_`, the others belong to FreeSWITCH
    or mod_audio_stream.
    """

    # Inbound variables of the gateway: who is being called. Set by the XML the agent generates.
    RESTAURANT_ID = "alloresto_restaurant_id"
    EPOCH = "alloresto_epoch"
    CONFIG_VERSION = "alloresto_config_version"
    PROMPTS = "alloresto_prompts"
    """Absolute path of the folder with the restaurant's own prompts: `greeting.wav` and those that
    `SAYS` names. Where it is not set, or a file is not there, the packaged prompt plays."""
    CARRIER_ACL = "alloresto_carrier_acl"
    """An INVITE for this gateway must come from this network list: `carrier_<carrier id>`."""
    FALLBACK_DIAL = "alloresto_fallback_dial"
    """The dialplan's way out rings this dial string, the restaurant's own phone. When it is empty,
    nobody is rung."""
    OWN_NUMBERS = "alloresto_own_numbers"
    """What shows the restaurant as a caller, `|` between them: its account's name, or the last nine
    digits of a number. A call from one of them while we ring its phone is our own, forwarded."""

    MESSAGES_REFUSED = "alloresto_messages_refused"
    """With `true` the dialplan takes no voice message and says goodbye. The agent sets it on a call
    whose restaurant's box is full, and as a global variable, which channels inherit, while the disk
    is."""

    CALLS_REFUSED = "alloresto_calls_refused"
    """A global variable: with `true` the dialplan says busy to every new call, for the bridge has
    as many as it can serve."""
    CALL_REFUSED = "alloresto_call_refused"
    """Why the dialplan refused this call."""

    # Set on the channel while the call goes on; what a restarted agent resumes the call from.
    CALL_ID = "alloresto_call_id"
    GREETING_ENDED = "alloresto_greeting_ended"
    WORKER_ID = "alloresto_worker_id"
    SAYS = "alloresto_says"
    """The dialplan is about to play this prompt, by its name, in the restaurant's words if it has
    some."""
    RING_PROMPT = "alloresto_ring_prompt"
    """A caller hears the prompt of this name before a human is rung."""
    RING_DIAL = "alloresto_ring_dial"
    """The dialplan then rings this dial string."""

    # FreeSWITCH's own.
    SIP_GATEWAY = "sip_gateway"
    SIP_CALL_ID = "sip_call_id"
    SIP_PRIVACY = "sip_Privacy"
    """It holds the first Privacy header of the INVITE (RFC 3323), its words joined by `;`. Of a
    second one, or one that is not a list of words, FreeSWITCH shows nothing (sip_security.c)."""
    SIP_FROM_USER = "sip_from_user"
    SIP_FROM_HOST = "sip_from_host"
    SIP_FROM_DISPLAY = "sip_from_display"
    SIP_REMOTE_PARTY_ID = "sip_Remote-Party-ID"
    REMOTE_SDP = "switch_r_sdp"
    """The peer offered, or answered, this session description last, be it refused or not."""
    PTIME = "rtp_use_codec_ptime"
    """So many milliseconds a packet were agreed on."""
    BROKEN_PTIME = "rtp_h_X-Broken-PTIME"
    """`Adv=20;Sent=30`: the caller's packets hold something else. FreeSWITCH has found it out and
    follows (switch_core_media.c)."""
    PLAYBACK_OFFSET = "playback_last_offset_pos"
    """Counts the samples of the file that were handed to the codec, that is, what was heard.
    `playback_ms` counts what was read from the file, which is all of a short one at once
    (`switch_ivr_play_say.c`)."""
    SIGNAL_BOND = "signal_bond"
    """It holds the other leg's UUID while two legs talk."""

    # Read by FreeSWITCH's application `bridge` when a human is rung.
    ORIGINATE_DISPOSITION = "originate_disposition"
    """Says how the ringing ended: `SUCCESS`, or the hangup cause of the last leg that failed."""
    CALL_TIMEOUT = "call_timeout"
    """After this many seconds FreeSWITCH gives up, even when somebody has picked up meanwhile."""
    LEG_TIMEOUT = "leg_timeout"
    """One phone rings for this many seconds. Picking up stops the count."""
    HANGUP_AFTER_BRIDGE = "hangup_after_bridge"
    CONTINUE_ON_FAIL = "continue_on_fail"
    """With `true` the caller's leg goes on in the dialplan when nobody picks up."""
    BRIDGE_PRE_EXECUTE_ALEG_APP = "bridge_pre_execute_aleg_app"
    """FreeSWITCH runs this application on the caller's leg as soon as somebody has picked up."""
    GROUP_CONFIRM_KEY = "group_confirm_key"
    """Whoever picked up must press this key to be connected."""
    GROUP_CONFIRM_FILE = "group_confirm_file"
    GROUP_CONFIRM_TIMEOUT = "group_confirm_timeout"

    # mod_audio_stream: every one is set, because the module reads unset ones uninitialised.
    STREAM_MESSAGE_DEFLATE = "STREAM_MESSAGE_DEFLATE"
    """`true` disables compression, whatever its name says."""
    STREAM_HEART_BEAT = "STREAM_HEART_BEAT"
    STREAM_SUPPRESS_LOG = "STREAM_SUPPRESS_LOG"
    STREAM_BUFFER_SIZE = "STREAM_BUFFER_SIZE"

    @property
    def header(self) -> str:
        """Return the name of the event header that carries this variable."""
        return f"variable_{self.value}"


class ChannelColumn(StrEnum):
    """The columns of `show channels as json`, which FreeSWITCH lists without a channel's dump."""

    UUID = "uuid"
    DIRECTION = "direction"
    EXTENSION = "dest"
    """It names the extension of the dialplan that the channel is in."""
    APPLICATION = "application"
