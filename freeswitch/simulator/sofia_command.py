"""`sofia …` and `sofia_gateway_data`: gateways by command, with mod_sofia's answers."""

import time
from typing import Final
from xml.sax.saxutils import escape

from freeswitch.simulator.gateway_file import GatewayFileError
from freeswitch.simulator.gateways import Gateway
from freeswitch.simulator.switch import Switch

PROFILE: Final = "external"
_LINE: Final = "=" * 97
_RELOADED: Final = "Reload XML [Success]\n"


async def sofia(switch: Switch, argument: str) -> str:
    """Answer `sofia profile external …`, `sofia status …` and `sofia xmlstatus gateway`."""
    match argument.split():
        case ["profile", name, *_] if name != PROFILE:
            return f"Invalid Profile [{name}]"
        case ["profile", _, "rescan", *_]:
            return _add(switch, None) or f"{_RELOADED}+OK scan complete\n"
        case ["profile", _, "startgw", name]:
            wanted = None if name == "_all_" else name
            return _add(switch, wanted) or f"{_RELOADED}+OK start gateway {name} complete\n"
        case ["profile", _, "killgw", name]:
            if switch.gateways.delete(name):
                return f"+OK gateway {name} marked for deletion.\n"
            return "-ERR no such gateway.\n"
        case ["profile", _, "unregister", name]:
            return "+OK\n" if switch.gateways.unregister(name) else "Invalid gateway!\n"
        case ["profile", _, "register", name]:
            return "+OK\n" if switch.gateways.register_again(name) else "Invalid gateway!\n"
        case ["profile", _, "gwlist", *which]:
            wanted = "DOWN" if which == ["down"] else "UP"
            names = [g.name for g in switch.gateways.all() if g.ping_status == wanted]
            return "".join(f"{name} " for name in names)
        case ["status", "gateway", name]:
            gateway = switch.gateways.get(name)
            return "Invalid Gateway!\n" if gateway is None else _status(switch, gateway)
        case ["status", "profile", name, *_]:
            return _profile(switch) if name == PROFILE else "Invalid Profile!\n"
        case ["status"]:
            return _overview(switch)
        case ["xmlstatus", "gateway", *_]:
            return _xml(switch)
    return "-ERR Unknown command!\n"


async def sofia_gateway_data(switch: Switch, argument: str) -> str:
    """Answer `NAME ivar VARIABLE`; the answer is empty when either is unknown."""
    match argument.split():
        case [name, "ivar" | "var", variable]:
            gateway = switch.gateways.get(name)
            return gateway.settings.inbound_variables.get(variable, "") if gateway else ""
    return ""


def _add(switch: Switch, name: str | None) -> str | None:
    switch.bus.fire("RELOADXML")
    try:
        switch.gateways.add(name)
    except GatewayFileError:
        return "Reload XML [[error near line 1]: unexpected closing tag]\n"
    return None


def _fields(switch: Switch, gateway: Gateway) -> dict[str, str]:
    settings = gateway.settings
    user, proxy = settings.get("username"), settings.get("proxy") or settings.get("realm")
    address = switch.sip_url.removeprefix("sip:mod_sofia@")
    contact = f"<sip:gw+{gateway.name}@{address};transport=udp;gw={gateway.name}>"
    up_since = gateway.up_since
    return {
        "Name": gateway.name,
        "Profile": PROFILE,
        "Scheme": "Digest",
        "Realm": settings.get("realm") or gateway.name,
        "Username": user,
        "Password": "yes" if settings.get("password") else "no",
        "From": f"<sip:{user}@{proxy}>",
        "Contact": contact,
        "Exten": settings.get("extension") or user,
        "To": f"sip:{user}@{proxy}",
        "Proxy": f"sip:{proxy}",
        "Context": settings.get("context", "default"),
        "Expires": settings.get("expire-seconds", "3600"),
        "Freq": settings.get("expire-seconds", "3600"),
        "Ping": "0",
        "PingFreq": "0",
        "PingTime": "0.00",
        "PingState": "0/0/0",
        "State": gateway.state.value,
        "Status": gateway.ping_status,
        "Uptime": f"{int(time.monotonic() - up_since) if up_since is not None else 0}s",
        "CallsIN": str(gateway.calls_in),
        "CallsOUT": "0",
        "FailedCallsIN": "0",
        "FailedCallsOUT": "0",
    }


def _status(switch: Switch, gateway: Gateway) -> str:
    rows = "".join(f"{name:<8}\t{text}\n" for name, text in _fields(switch, gateway).items())
    return f"{_LINE}\n{rows}{_LINE}\n"


def _xml(switch: Switch) -> str:
    gateways = "".join(
        "  <gateway>\n"
        + "".join(
            f"    <{name.lower()}>{escape(text)}</{name.lower()}>\n"
            for name, text in _fields(switch, gateway).items()
        )
        + "  </gateway>\n"
        for gateway in switch.gateways.all()
        if not gateway.deleted
    )
    header = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'
    return f"{header}<gateways>\n{gateways}</gateways>\n"


def _profile(switch: Switch) -> str:
    url = switch.sip_url
    host = switch.settings.sip_ip
    rows = {
        "Name": PROFILE,
        "Context": "default",
        "RTP-IP": host,
        "SIP-IP": host,
        "URL": url,
        "BIND-URL": f"{url};maddr={host};transport=udp",
        "CODECS IN": "PCMA,PCMU",
        "CALLS-IN": str(switch.sessions_total),
    }
    lines = "".join(f"{name:<17}\t{text}\n" for name, text in rows.items())
    return f"{_LINE}\n{lines}"


def _overview(switch: Switch) -> str:
    title = f"{'Name':>25}\t{'Type':>7}\t{'Data':>42}\tState\n"
    rows = [f"{PROFILE:>25}\tprofile\t{switch.sip_url:>42}\t"]
    rows[0] += f"RUNNING ({len(switch.sessions)})\n"
    for gateway in switch.gateways.all():
        to = _fields(switch, gateway)["To"]
        name = f"{PROFILE}::{gateway.name}"
        rows.append(f"{name:>25}\tgateway\t{to:>42}\t{gateway.state.value}\n")
    return f"{title}{_LINE}\n{''.join(rows)}{_LINE}\n1 profile 0 aliases\n"
