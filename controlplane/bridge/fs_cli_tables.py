"""What an admin reads in `fs_cli` on this bridge: its calls, its registrations, its drain.

FreeSWITCH's own listings show callers' numbers and know neither worker nor carrier's answer. So
the agent writes its view into FreeSWITCH's global variables, URL-encoded because a command is one
line, and aliases print them (`ar_help` lists them). They outlive the agent, with the time of their
writing: what FreeSWITCH itself says beside them is never old.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from controlplane.bridge import metrics
from controlplane.bridge.calls.incoming_call import IncomingCall
from controlplane.contracts.heartbeats import DrainStep
from controlplane.esl.client import EslClient
from controlplane.esl.errors import EslCommandFailed, EslError
from controlplane.loop import run_loop
from controlplane.registrations.report import AccountReport, accounts
from controlplane.registrations.sip_codes import code_text
from controlplane.text_table import table

LOOK_S: Final = 1.0
"""How late a call may be in the listing. Only what has changed is sent, and the time."""
READ_S: Final = 5.0
"""Between two readings of this bridge's accounts: one query of 200 rows."""
NAMES: Final = "ar_tenants"
"""The variable that holds the gateways with an `ar_tenant`, for the next agent to clear away."""

HELP: Final = """
ar_calls          calls in progress: restaurant's gateway, state, worker, since when
ar_registrations  gateways: state, the carrier's last answer, since when, next try, why here
ar_problems       those of them that need somebody
ar_tenant NAME    one gateway: all of this, and FreeSWITCH's own view (TAB completes the name)
ar_drain          whether this bridge is being emptied, and how far it is
Each begins with the present time and the time of writing: an old one means the agent is dead.
Callers' numbers are never shown. More: alloresto sip explain NAME, docs/telecom.md
"""
_NAME: Final = re.compile(r"[A-Za-z0-9_.\-]+")
"""A gateway's, as its file allows it: these become part of a command."""
_NOW: Final = "strftime Now %Y-%m-%d %H:%M:%S%z"
_WRITTEN: Final = "expand url_decode ${ar_as_of}"
ALIASES: Final = {
    "ar_help": ["expand url_decode ${ar_help}"],
    "ar_calls": [_NOW, _WRITTEN, "expand url_decode ${ar_calls}", "show channels count"],
    "ar_registrations": [_NOW, _WRITTEN, "expand url_decode ${ar_registrations}"],
    "ar_problems": [_NOW, _WRITTEN, "expand url_decode ${ar_problems}"],
    "ar_drain": [
        _NOW,
        _WRITTEN,
        "expand url_decode ${ar_drain}",
        "fsctl pause_check inbound",
    ],
}
_STEPS: Final = {
    None: "This bridge is not being drained.",
    DrainStep.MOVING: "Draining: its registrations are moving to other bridges.",
    DrainStep.CLOSED: "Draining: no registration is left, new calls are refused, calls go on.",
    DrainStep.STOPPING: "Draining: no call is left, FreeSWITCH shuts down.",
}

log = structlog.get_logger()


class FsCliTables:
    """Keeps FreeSWITCH's copy of what the agent knows."""

    def __init__(
        self,
        *,
        esl: EslClient,
        engine: Engine,
        bridge_id: str,
        calls: Callable[[], Sequence[IncomingCall]],
        drain: Callable[[], DrainStep | None],
    ) -> None:
        self._esl = esl
        self._engine = engine
        self._bridge_id = bridge_id
        self._calls = calls
        self._drain = drain
        self._accounts: list[AccountReport] = []
        self._read_at: datetime | None = None
        self._next_read = 0.0
        self._sent: dict[str, str] = {}
        self._tenants: set[str] | None = None
        """Gateways with an `ar_tenant`; None: FreeSWITCH must be asked."""

    def connected(self) -> None:
        """Tell everything again: FreeSWITCH may be a new one."""
        self._sent.clear()
        self._tenants = None

    def run(self) -> None:
        """Write what has changed, as long as the process lives."""
        run_loop("fs_cli_tables", self._turn, every_s=LOOK_S, failures=metrics.LOOP_FAILURES)

    def _turn(self) -> None:
        self.read()
        if self._esl.connected:
            self.write()

    def write(self) -> None:
        """Send what has changed. Raises `EslError`: then everything is sent again."""
        try:
            self._write()
        except EslError:
            self.connected()
            raise

    def _write(self) -> None:
        calls = self._calls()
        self._set_tenants({one.gateway: tenant_text(one, calls) for one in self._accounts})
        problems = [one for one in self._accounts if one.problem is not None]
        for name, text in {
            "ar_help": HELP,
            "ar_calls": calls_text(calls),
            "ar_registrations": registrations_text(self._accounts),
            "ar_problems": registrations_text(problems),
            "ar_drain": drain_text(self._drain(), accounts=len(self._accounts), calls=len(calls)),
            "ar_as_of": self._as_of(),
        }.items():
            self._set(name, text)
        for alias, commands in ALIASES.items():
            self._alias(alias, commands)

    def _as_of(self) -> str:
        read = "never" if self._read_at is None else clock(self._read_at)
        now = clock(datetime.now(UTC))
        return f"\nWritten by the agent of {self._bridge_id}: {now}, registrations {read}\n\n"

    def read(self) -> None:
        """Read this bridge's accounts when it is time; without Postgres the last ones stay."""
        if time.monotonic() < self._next_read:
            return
        self._next_read = time.monotonic() + READ_S
        try:
            with self._engine.connect() as connection:
                found = accounts(connection, bridge_id=self._bridge_id)
        except SQLAlchemyError as error:
            log.warning("fs_cli_accounts_not_read", error=type(error).__name__)
        else:
            self._accounts = [one for one in found if _NAME.fullmatch(one.gateway)]
            self._read_at = datetime.now(UTC)

    def _set(self, name: str, text: str) -> None:
        if self._sent.get(name) != text:
            self._esl.api(f"global_setvar {name}={global_value(text)}")
            self._sent[name] = text

    def _alias(self, alias: str, commands: Sequence[str]) -> None:
        key, text = f"alias {alias}", ";;".join(commands)
        if self._sent.get(key) != text:
            self._esl.api(f"alias add '{alias}' {text}")
            self._sent[key] = text

    def _set_tenants(self, texts: dict[str, str]) -> None:
        if self._tenants is None:
            self._tenants = self._known_tenants()
        for gone in self._tenants - texts.keys():
            self._esl.api(f"alias del 'ar_tenant {gone}'")
            self._esl.api(f"global_setvar ar_tenant_{gone}=")
        for name, text in texts.items():
            self._set(f"ar_tenant_{name}", text)
            shown = [_NOW, _WRITTEN, f"expand url_decode ${{ar_tenant_{name}}}"]
            self._alias(f"ar_tenant {name}", [*shown, f"sofia status gateway {name}"])
        for gone in self._tenants - texts.keys():
            self._sent.pop(f"ar_tenant_{gone}", None)
            self._sent.pop(f"alias ar_tenant {gone}", None)
        self._tenants = set(texts)
        self._set(NAMES, " ".join(sorted(texts)) or "-")

    def _known_tenants(self) -> set[str]:
        """Ask FreeSWITCH which ones an agent before this one wrote down."""
        try:
            return set(self._esl.api(f"global_getvar {NAMES}").split()) - {"-"}
        except EslCommandFailed:  # nothing was written yet
            return set()


def calls_text(calls: Iterable[IncomingCall]) -> str:
    """Lay out the calls, the oldest first; of a caller's number two digits are shown at most."""
    rows = [
        [
            call.gateway_name,
            call.standing,
            call.worker_id or "-",
            clock(datetime.fromtimestamp(time.time() - call.age_s, UTC)),
            masked(call.caller_number),
            str(call.channel_uuid),
        ]
        for call in sorted(calls, key=lambda call: call.created_at)
    ]
    titles = ["GATEWAY", "STATE", "WORKER", "SINCE", "CALLER", "CHANNEL"]
    return f"{table(titles, rows)}\n\nThe agent counts {len(rows)}; FreeSWITCH counts channels:\n"


def registrations_text(found: Sequence[AccountReport]) -> str:
    """Lay out one line a gateway, as Postgres has it."""
    registered = sum(account.registered for account in found)
    rows = [list(_cells(account)) for account in found]
    titles = ["GATEWAY", "CARRIER", "STATE", "LAST CODE", "SINCE", "NEXT TRY", "WHY", "PROBLEM"]
    return f"{table(titles, rows)}\n\n{len(found)} gateways, {registered} registered\n"


def tenant_text(account: AccountReport, calls: Iterable[IncomingCall]) -> str:
    """Describe one gateway: who, where from and to, its calls; FreeSWITCH's own view follows."""
    own = [call for call in calls if call.gateway_name == account.gateway]
    return (
        f"{account.restaurant} ({account.slug}), restaurant {account.restaurant_id}\n"
        f"bridge {account.bridge or '-'}, former {account.former_bridge or '-'},"
        f" epoch {account.epoch}, config {account.config_version}\n\n"
        f"{registrations_text([account])}\n{calls_text(own)}\n"
    ).replace("; FreeSWITCH counts channels:\n", "; FreeSWITCH's own view of the gateway:")


def drain_text(step: DrainStep | None, *, accounts: int, calls: int) -> str:
    """Describe the drain; the line that follows is FreeSWITCH's own, `true` or `false`."""
    return (
        f"{_STEPS[step]}\nGateways here, or not yet given back: {accounts}. Calls: {calls}.\n"
        "FreeSWITCH refuses new calls:\n"
    )


def masked(number: str | None) -> str:
    """Keep the last two digits, which are enough to tell two calls apart."""
    return "hidden" if number is None else f"…{number[-2:]}"


def clock(instant: datetime | None) -> str:
    """Write an instant in this machine's zone, as `strftime` in fs_cli prints."""
    return "-" if instant is None else instant.astimezone().strftime("%Y-%m-%d %H:%M:%S%z")


def global_value(text: str) -> str:
    """Encode `text` as `url_decode` reads it, without what `global_setvar` and `expand` act on."""
    return quote(text, safe=" !()*,-./:<>@^_|~+#&?")


def _cells(account: AccountReport) -> Iterator[str]:
    yield account.gateway
    yield account.carrier
    yield account.state
    yield code_text(account.last_sip_code)
    yield clock(account.since)
    yield clock(account.retry_at)
    yield account.placement_reason or "-"
    yield account.problem or ""
