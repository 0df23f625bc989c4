"""FreeSWITCH channel variables the project sets or reads.

Tests hold `freeswitch/conf/` to these names. In events a variable appears as `variable_<name>`.
"""

from enum import StrEnum


class ChannelVariable(StrEnum):
    """Ours begin with `alloresto_`; the others belong to FreeSWITCH or mod_audio_stream."""

    # Inbound variables of the gateway: who is being called. Set by the XML the agent generates.
    RESTAURANT_ID = "alloresto_restaurant_id"
    EPOCH = "alloresto_epoch"
    CONFIG_VERSION = "alloresto_config_version"
    GREETING = "alloresto_greeting"
    """Absolute path of the restaurant's own greeting; without it the generic one plays."""
    CARRIER_ACL = "alloresto_carrier_acl"
    """Network list an INVITE for this gateway must come from: `carrier_<carrier id>`."""
    FALLBACK_DIAL = "alloresto_fallback_dial"
    """Dial string of the restaurant's own phone, for the dialplan's way out. Empty: none."""

    # Set on the channel while the call goes on; what a restarted agent resumes the call from.
    CALL_ID = "alloresto_call_id"
    GREETING_ENDED = "alloresto_greeting_ended"
    WORKER_ID = "alloresto_worker_id"
    RING_PROMPT = "alloresto_ring_prompt"
    """Name of the prompt a caller hears before a human is rung."""
    RING_DIAL = "alloresto_ring_dial"
    """Whom the dialplan then rings: a dial string."""

    # FreeSWITCH's own.
    SIP_GATEWAY = "sip_gateway"
    SIP_CALL_ID = "sip_call_id"
    SIP_PRIVACY = "sip_Privacy"
    """The Privacy header (RFC 3323)."""
    SIP_FROM_USER = "sip_from_user"
    SIP_FROM_HOST = "sip_from_host"
    PLAYBACK_OFFSET = "playback_last_offset_pos"
    """Samples of the file handed to the codec: what was heard. `playback_ms` counts what was read
    from the file, which is all of a short one at once (`switch_ivr_play_say.c`)."""
    SIGNAL_BOND = "signal_bond"
    """The other leg's UUID, while two legs talk."""

    # Read by FreeSWITCH's application `bridge` when a human is rung.
    ORIGINATE_DISPOSITION = "originate_disposition"
    """How the ringing ended: `SUCCESS`, or the cause of the last leg that failed."""
    CALL_TIMEOUT = "call_timeout"
    """Seconds until it gives up, whoever has picked up meanwhile."""
    LEG_TIMEOUT = "leg_timeout"
    """Seconds one phone rings; put off when it is picked up."""
    HANGUP_AFTER_BRIDGE = "hangup_after_bridge"
    CONTINUE_ON_FAIL = "continue_on_fail"
    """`true`: the caller stays when nobody picks up."""
    BRIDGE_PRE_EXECUTE_ALEG_APP = "bridge_pre_execute_aleg_app"
    """Application run for the caller's leg as soon as somebody has picked up."""
    GROUP_CONFIRM_KEY = "group_confirm_key"
    """The key who picked up must press to be connected."""
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
        """The event header that carries this variable."""
        return f"variable_{self.value}"


class ChannelColumn(StrEnum):
    """Columns of `show channels as json`: what FreeSWITCH lists of a channel without its dump."""

    UUID = "uuid"
    DIRECTION = "direction"
    EXTENSION = "dest"
    """The dialplan's extension it is in."""
    APPLICATION = "application"
