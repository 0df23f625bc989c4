"""One call as FreeSWITCH tells it: identity, variables, states, and the headers of its events."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from freeswitch.simulator.events import HOSTNAME, EventBus, HeaderValue, microseconds
from freeswitch.telephone.sip import NameAddr, SipRequest, SipUri


class ChannelState(StrEnum):
    """Repeats `switch_channel_state_t`; `number` is the place in that enumeration."""

    INIT = "CS_INIT"
    ROUTING = "CS_ROUTING"
    EXECUTE = "CS_EXECUTE"
    HANGUP = "CS_HANGUP"
    REPORTING = "CS_REPORTING"
    DESTROY = "CS_DESTROY"

    @property
    def number(self) -> int:
        """Return the number that `Channel-State-Number` tells."""
        return {"INIT": 1, "ROUTING": 2, "EXECUTE": 4, "HANGUP": 10, "REPORTING": 11}.get(
            self.name, 12
        )


class Channel:
    """Holds pure state; the only thing it does is fire its events."""

    def __init__(
        self,
        bus: EventBus,
        *,
        caller: SipUri,
        caller_name: str,
        network: tuple[str, int],
        direction: str = "inbound",
    ) -> None:
        self._bus = bus
        self.uuid = str(uuid4())
        self.direction = direction
        self.caller, self.caller_name, self.network = caller, caller_name, network
        self.name = f"sofia/external/{caller.user}@{caller.host}:{caller.port}"
        self.destination, self.dialplan, self.context = "", "XML", "default"
        self.codec_name = "PCMA"
        self.state = ChannelState.INIT
        self.call_state, self.answer_state = "DOWN", "ringing"
        self.created_at = microseconds()
        self.answered_at = self.hung_up_at = 0
        self.hide_number = False
        self.transfer_source: str | None = None
        self.hangup_cause: str | None = None
        self.other_leg: str | None = None
        self.variables: dict[str, str] = {
            "direction": direction,
            "uuid": self.uuid,
            "channel_name": self.name,
            "call_uuid": self.uuid,
        }

    def fire(
        self,
        name: str,
        headers: Mapping[str, HeaderValue] | None = None,
        *,
        subclass: str | None = None,
        body: str | None = None,
    ) -> None:
        """Fire an event about this channel, with all its variables."""
        self._bus.fire(
            name,
            {**self.headers(), **(headers or {}), **self.variable_headers()},
            subclass=subclass,
            body=body,
        )

    def fire_brief(self, name: str, headers: Mapping[str, HeaderValue] | None = None) -> None:
        """Fire an event without variables: CHANNEL_STATE, CHANNEL_CALLSTATE, DTMF."""
        self._bus.fire(name, {**self.headers(), **(headers or {})})

    def move_to(self, state: ChannelState, *, call_state: str | None = None) -> None:
        """Change state and say so."""
        self.state = state
        if call_state is not None and call_state != self.call_state:
            self.call_state = call_state
            self.fire_brief("CHANNEL_CALLSTATE")
        self.fire_brief("CHANNEL_STATE")

    def variable(self, name: str) -> str | None:
        """Return a channel variable, or the caller profile's field of that name."""
        value = self.variables.get(name)
        if value is not None:
            return value
        profile = {
            "destination_number": self.destination,
            "caller_id_number": self.caller.user,
            "caller_id_name": self.caller_name,
            "context": self.context,
            "network_addr": self.network[0],
            "privacy_hide_number": str(self.hide_number).lower(),
        }
        return profile.get(name)

    def set(self, name: str, value: str | None) -> None:
        """Set a variable; an empty value unsets it, as in `switch_channel_set_variable`."""
        if value:
            self.variables[name] = value
        else:
            self.variables.pop(name, None)

    def variable_headers(self) -> dict[str, str]:
        """Return `variable_<name>` for every variable."""
        return {f"variable_{name}": value for name, value in self.variables.items()}

    def headers(self) -> dict[str, str]:
        """Return what `switch_channel_event_set_basic_data` adds (switch_channel.c)."""
        number = self.caller.user
        headers = {
            "Channel-State": self.state.value,
            "Channel-Call-State": self.call_state,
            "Channel-State-Number": str(self.state.number),
            "Channel-Name": self.name,
            "Unique-ID": self.uuid,
            "Call-Direction": self.direction,
            "Presence-Call-Direction": self.direction,
            "Channel-HIT-Dialplan": str(self.direction == "inbound").lower(),
            "Channel-Call-UUID": self.variables["call_uuid"],
            "Answer-State": self.answer_state,
            "Channel-Read-Codec-Name": self.codec_name,
            "Channel-Read-Codec-Rate": "8000",
            "Channel-Read-Codec-Bit-Rate": "64000",
            "Channel-Write-Codec-Name": self.codec_name,
            "Channel-Write-Codec-Rate": "8000",
            "Channel-Write-Codec-Bit-Rate": "64000",
            "Caller-Direction": self.direction,
            "Caller-Logical-Direction": self.direction,
            "Caller-Username": number,
            "Caller-Dialplan": self.dialplan,
            "Caller-Caller-ID-Name": self.caller_name or number,
            "Caller-Caller-ID-Number": number,
            "Caller-Orig-Caller-ID-Name": self.caller_name or number,
            "Caller-Orig-Caller-ID-Number": number,
            "Caller-Network-Addr": self.network[0],
            "Caller-ANI": number,
            "Caller-Destination-Number": self.destination,
            "Caller-Unique-ID": self.uuid,
            "Caller-Source": "mod_sofia",
            "Caller-Context": self.context,
            "Caller-Channel-Name": self.name,
            "Caller-Profile-Index": "1",
            "Caller-Profile-Created-Time": str(self.created_at),
            "Caller-Channel-Created-Time": str(self.created_at),
            "Caller-Channel-Answered-Time": str(self.answered_at),
            "Caller-Channel-Progress-Time": "0",
            "Caller-Channel-Progress-Media-Time": str(self.answered_at),
            "Caller-Channel-Hangup-Time": str(self.hung_up_at),
            "Caller-Channel-Transfer-Time": "0",
            "Caller-Channel-Resurrect-Time": "0",
            "Caller-Channel-Bridged-Time": "0",
            "Caller-Channel-Last-Hold": "0",
            "Caller-Channel-Hold-Accum": "0",
            "Caller-Screen-Bit": "true",
            "Caller-Privacy-Hide-Name": str(self.hide_number).lower(),
            "Caller-Privacy-Hide-Number": str(self.hide_number).lower(),
        }
        if self.transfer_source is not None:
            headers["Caller-Transfer-Source"] = self.transfer_source
        if self.other_leg is not None:
            headers["Other-Type"] = "originatee" if self.direction == "inbound" else "originator"
            headers["Other-Leg-Unique-ID"] = self.other_leg
        if self.hangup_cause is not None:
            headers["Hangup-Cause"] = self.hangup_cause
        return headers

    def row(self) -> dict[str, str]:
        """Return its line in `show channels`."""
        created = self.created_at // 1_000_000
        name = self.caller_name or self.caller.user
        return {
            "uuid": self.uuid,
            "direction": self.direction,
            "created": datetime.fromtimestamp(created).strftime("%Y-%m-%d %H:%M:%S"),
            "created_epoch": str(created),
            "name": self.name,
            "state": self.state.value,
            "cid_name": name,
            "cid_num": self.caller.user,
            "ip_addr": self.network[0],
            "dest": self.destination,
            "application": self.variables.get("current_application", ""),
            "application_data": self.variables.get("current_application_data", ""),
            "dialplan": self.dialplan,
            "context": self.context,
            "read_codec": self.codec_name,
            "read_rate": "8000",
            "read_bit_rate": "64000",
            "write_codec": self.codec_name,
            "write_rate": "8000",
            "write_bit_rate": "64000",
            "secure": "",
            "hostname": HOSTNAME,
            "callstate": self.call_state,
            "call_uuid": "",
            "initial_cid_name": name,
            "initial_cid_num": self.caller.user,
            "initial_ip_addr": self.network[0],
            "initial_dest": self.destination,
            "initial_dialplan": "XML",
            "initial_context": self.context,
        }


def sip_variables(invite: SipRequest, peer: tuple[str, int], profile: str) -> dict[str, str]:
    """Return the `sip_*` variables of an INVITE (sofia.c, `sofia_handle_sip_i_invite`)."""
    sender = NameAddr.parse(invite.headers.required("From"))
    receiver = NameAddr.parse(invite.headers.required("To"))
    from_uri, to_uri = SipUri.parse(sender.uri), SipUri.parse(receiver.uri)
    request_uri = SipUri.parse(invite.uri)
    variables = {
        "sip_from_user": from_uri.user,
        "sip_from_uri": f"{from_uri.user}@{from_uri.host}:{from_uri.port}",
        "sip_from_host": from_uri.host,
        "sip_from_user_stripped": from_uri.user.lstrip("+"),
        "sip_from_tag": sender.tag or "",
        "sip_from_display": sender.display_name,
        "sip_full_from": invite.headers.required("From"),
        "sip_full_to": invite.headers.required("To"),
        "sip_full_via": invite.headers.required("Via"),
        "sip_call_id": invite.call_id,
        "sip_network_ip": peer[0],
        "sip_network_port": str(peer[1]),
        "sip_received_ip": peer[0],
        "sip_received_port": str(peer[1]),
        "sip_via_protocol": "udp",
        "sofia_profile_name": "external",
        "sofia_profile_url": profile,
        "sip_req_user": request_uri.user,
        "sip_req_uri": f"{request_uri.user}@{request_uri.host}:{request_uri.port}",
        "sip_req_host": request_uri.host,
        "sip_to_user": to_uri.user,
        "sip_to_uri": f"{to_uri.user}@{to_uri.host}:{to_uri.port}",
        "sip_to_host": to_uri.host,
        "sip_user_agent": invite.headers.get("User-Agent") or "",
        "sip_Privacy": invite.headers.get("Privacy") or "",
        "max_forwards": invite.headers.get("Max-Forwards") or "70",
        "dtmf_type": "rfc2833",
    }
    return {name: value for name, value in variables.items() if value}
