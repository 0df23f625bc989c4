"""Keeps the nftables table in front of this bridge's FreeSWITCH what Postgres's carriers say.

Where the agent may (`ALLORESTO_FIREWALL=nftables`, the program `nft`, CAP_NET_ADMIN in FreeSWITCH's
network namespace); elsewhere `alloresto bridge firewall` prints the same table for the host. It is
in no call's way: calls and registrations go on whatever becomes of it. The table stays when the
agent dies, for FreeSWITCH stays too; only the end of a drain, which ends FreeSWITCH, removes it.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from ipaddress import IPv4Address
from time import monotonic
from typing import Final

import structlog

from controlplane.bridge import metrics
from controlplane.bridge.firewall_table import FAMILY, FirewallTable, table_name
from controlplane.bridge.gateways.carrier_networks import Network
from controlplane.bridge.sip_probe import ProfileAddress
from controlplane.errors import AlloRestoError
from controlplane.loop import run_loop

LOOK_S: Final = 1.0
"""A new carrier is let in about when its first REGISTER is answered."""
COUNT_S: Final = 10.0
"""What was dropped, and that the table is there, is asked less often: it costs a fork."""
NFT_DEADLINE_S: Final = 5.0
"""It takes 3 to 20 ms."""
SYSTEM_FOLDERS: Final = "/usr/sbin:/sbin"
"""Debian has `nft` there, outside the PATH of ordinary users."""

log = structlog.get_logger()


class FirewallFailed(AlloRestoError):
    """`nft` refused, or gave no answer; says why in its own words."""


class Firewall:
    """One bridge's table. `kept` tells whether this agent keeps it."""

    def __init__(
        self,
        *,
        wanted: bool,
        bridge_id: str,
        profile: Callable[[], ProfileAddress | None],
        networks: Callable[[], frozenset[Network] | None],
        controllers: frozenset[Network] = frozenset(),
    ) -> None:
        """`wanted` by the settings. `profile` and `networks`, the carriers', answer None until they
        know. `controllers` are let in too.
        """
        self._wanted = wanted
        self._bridge_id = bridge_id
        self._profile = profile
        self._networks = networks
        self._controllers = controllers
        self._loaded: FirewallTable | None = None
        self._counted: dict[str, int] = {}
        self._count_at = 0.0
        self._told = ""
        self.kept = False

    def run(self) -> None:
        """Keep it for as long as the process lives, unless that is not wanted or not possible."""
        reason = self._hindrance()
        self.kept = reason is None
        log.info("firewall", kept_by="host" if reason else "agent", reason=reason)
        if self.kept:
            run_loop("firewall", self.look, every_s=LOOK_S, failures=metrics.LOOP_FAILURES)

    def look(self) -> None:
        """Load the table where it is not there, or not what it should be. Raises
        `FirewallFailed`.
        """
        table = self._table()
        if table is None:  # an earlier agent's stays
            return
        try:
            if table != self._loaded or not self._is_there():
                nft("-f", "-", script=table.script())
                self._counted = {}
                log.info("firewall_in_force", networks=len(table.networks))
            self._loaded, self._told = table, ""
        except FirewallFailed as error:
            if str(error) != self._told:
                log.error("firewall_not_in_force", reason=str(error))
            self._loaded, self._told = None, str(error)
            raise
        finally:
            metrics.FIREWALL_IN_FORCE.set(self._loaded is not None)

    def remove(self) -> None:
        """Remove the table: its FreeSWITCH has ended. Never raises."""
        if self.kept:
            try:
                nft("delete", "table", FAMILY, table_name(self._bridge_id))
            except FirewallFailed as error:
                log.warning("firewall_not_removed", reason=str(error))

    def _hindrance(self) -> str | None:
        if not self._wanted:
            return "ALLORESTO_FIREWALL is not nftables"
        try:
            nft("list", "tables")
        except FirewallFailed as error:
            return str(error)
        return None

    def _table(self) -> FirewallTable | None:
        profile, networks = self._profile(), self._networks()
        if profile is None or networks is None:
            return None
        return FirewallTable(
            bridge_id=self._bridge_id,
            ports=profile.ports,
            own=_own(profile.host),
            networks=networks | self._controllers,
        )

    def _is_there(self) -> bool:
        """Ask, now and then, for what the table has dropped. False when it is gone: whoever loads a
        host's rules anew (`flush ruleset`) takes it away.
        """
        if monotonic() < self._count_at:
            return True
        self._count_at = monotonic() + COUNT_S
        try:
            answer = nft("-j", "list", "counters", "table", FAMILY, table_name(self._bridge_id))
        except FirewallFailed:
            return False
        for name, packets in _counters(answer).items():
            before = self._counted.get(name, 0)
            # Fewer than before: somebody has set the counters back.
            new = packets - before if packets >= before else packets
            metrics.FIREWALL_DROPPED.labels(name).inc(new)
            self._counted[name] = packets
        return True


def nft(*arguments: str, script: str = "") -> str:
    """Run `nft`, and return what it printed. Raises `FirewallFailed`."""
    path = f"{os.environ.get('PATH', os.defpath)}:{SYSTEM_FOLDERS}"
    program = shutil.which("nft", path=path)
    if program is None:
        raise FirewallFailed("nft is not installed")
    try:
        done = subprocess.run(
            [program, *arguments],
            input=script,
            capture_output=True,
            text=True,
            timeout=NFT_DEADLINE_S,
            check=False,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise FirewallFailed(f"nft gave no answer ({type(error).__name__})") from error
    if done.returncode != 0:
        raise FirewallFailed(done.stderr.strip().partition("\n")[0])
    return done.stdout


def _own(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except ValueError:
        return None


def _counters(answer: str) -> dict[str, int]:
    """Read the packets of each counter."""
    found = [one["counter"] for one in json.loads(answer)["nftables"] if "counter" in one]
    return {one["name"]: int(one["packets"]) for one in found}
