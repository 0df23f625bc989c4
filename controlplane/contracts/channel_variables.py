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

    # Set on the channel while the call goes on; what a restarted agent adopts the call from.
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
    PLAYBACK_OFFSET = "playback_last_offset_pos"
    """Samples of the file handed to the codec: what was heard. `playback_ms` counts what was read
    from the file, which is all of a short one at once (`switch_ivr_play_say.c`)."""
    SIGNAL_BOND = "signal_bond"
    """The other leg's UUID, while two legs talk."""

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
