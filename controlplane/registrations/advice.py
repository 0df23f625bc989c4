"""One restaurant's registration in plain words: where it is, why, and what to do next."""

from collections.abc import Iterator, Mapping
from typing import Final

from controlplane.contracts.gateway_states import GatewayState
from controlplane.models.sip_registration import PlacementReason
from controlplane.registrations.report import AccountReport, Standing, age
from controlplane.registrations.sip_codes import ACCOUNT_REFUSED, OK, SILENT, code_text, meaning

REASONS: Final[Mapping[str, str]] = {
    PlacementReason.NEW: "it was the least loaded bridge when the account was placed",
    PlacementReason.FAILOVER: "its former bridge was lost",
    PlacementReason.DRAIN: "its former bridge was drained",
    PlacementReason.REBALANCE: "bridges were evened out",
    PlacementReason.ADMIN: "an admin asked for it",
}


def explanation(account: AccountReport, *, rooms: int) -> list[str]:
    """Return sentences, of which the last says what to do. `rooms` counts the registrations that
    bridges can still take.
    """
    return [
        f"{account.restaurant} ({account.gateway}) registers at carrier {account.carrier}.",
        _account(account),
        *_whereabouts(account),
        *_standing(account, rooms=rooms),
    ]


def _account(account: AccountReport) -> str:
    """Say what a person compares with the carrier's page."""
    sent_to = f"{account.outbound_proxy or account.registrar} over {account.transport.upper()}"
    user = account.auth_username
    asked = "" if user is None else f", and answers its challenges as {user}"
    return f"It is {account.address_of_record}, sent to {sent_to}{asked}."


def _whereabouts(account: AccountReport) -> Iterator[str]:
    if account.bridge is not None:
        since = age(account.now, account.placed_at)
        why = REASONS.get(account.placement_reason or "", "nobody wrote down why")
        yield f"It has been on {account.bridge} for {since}, because {why}."
    if account.former_bridge is not None:
        yield (
            f"It is moving: {account.former_bridge} keeps its binding until {account.bridge} is"
            " registered, so calls reach one of the two all the time."
        )
    if account.requested_bridge is not None:
        yield f"An admin asked for {account.requested_bridge}; the controller has not acted yet."
    if account.bridge_draining_since is not None:
        yield f"{account.bridge} is being drained: the registration will move away by itself."


def _standing(account: AccountReport, *, rooms: int) -> Iterator[str]:
    """Say why it is not registered, if it is not, and what to do."""
    match account.state:
        case Standing.PAUSED:
            yield f"The restaurant is {account.restaurant_status}: nobody registers it."
            yield "Next: nothing, until the restaurant is live again."
        case GatewayState.SUSPENDED:
            yield (
                f"The carrier refused it {account.auth_failures} of {account.max_auth_failures}"
                f" times in a row ({code_text(account.last_sip_code)}). It is left alone, for"
                " carriers lock accounts that insist."
            )
            yield from _tried_again(account)
            if account.carrier_refuses_since is not None:
                yield f"Next: nothing on this account; call {account.carrier} if it lasts."
                return
            yield f"Next: {meaning(account.last_sip_code).action}"
            yield f"Then: alloresto sip retry {account.gateway}"
        case Standing.UNPLACED:
            yield from _unplaced(account, rooms=rooms)
        case _ if account.bridge_silent:
            yield (
                f"{account.bridge} was last heard of"
                f" {age(account.now, account.bridge_seen_at)} ago: it is lost, and another bridge"
                " takes over within seconds if there is room and a controller."
            )
            yield (
                f"Next: nothing if it moves within a minute (alloresto sip trace {account.gateway}"
                " --follow); else look at the controller's log."
            )
        case _ if account.registered:
            yield f"It has been registered for {age(account.now, account.state_at)}: calls arrive."
            yield "Next: nothing."
        case Standing.STARTING:
            yield f"{account.bridge} was given it and has not reported yet: REGISTERs are paced."
            yield f"Next: wait a minute; then look at the log of {account.bridge}'s agent."
        case GatewayState() as state if state.asking:
            yield f"{account.bridge} has sent REGISTER; the carrier has not answered yet."
            yield "Next: look again in a minute."
        case GatewayState.UNRESOLVED:
            yield (
                f"DNS has not answered for the registrar of {account.carrier}: no REGISTER is sent"
                " until it does, for FreeSWITCH would wait for DNS with every call held up."
            )
            yield f"Next: alloresto carrier show {account.carrier}, and check the registrar's name."
        case GatewayState.INVALID:
            yield "The account or its carrier holds what no gateway file may: no REGISTER is sent."
            yield (
                f"Next: alloresto sip trace {account.gateway} says which field; then alloresto sip"
                " set, or alloresto carrier set."
            )
        case _:
            yield from _refused(account)


def _tried_again(account: AccountReport) -> Iterator[str]:
    if account.carrier_refuses_since is not None:
        since = age(account.now, account.carrier_refuses_since)
        yield (
            f"Carrier {account.carrier} has refused many accounts at once for {since}: it is at"
            " fault rather than this one. One account a minute asks for all; when one is taken, the"
            " others follow by themselves."
        )
    elif account.retry_at is not None:
        wait = max(0, int((account.retry_at - account.now).total_seconds()) // 60)
        yield f"It is tried again by itself, once, in {wait} min."


def _unplaced(account: AccountReport, *, rooms: int) -> Iterator[str]:
    if rooms <= 0:
        yield "No bridge has room for it: every living bridge is full, draining or lost."
        yield "Next: start another bridge; it is placed by itself within seconds."
    else:
        yield f"It is on no bridge, though bridges have room for {rooms}: no controller leads?"
        yield "Next: look at the controller's log; it places it by itself once one runs."


def _refused(account: AccountReport) -> Iterator[str]:
    code, long = account.last_sip_code, age(account.now, account.since)
    if code in ACCOUNT_REFUSED:
        yield (
            f"The carrier has refused it for {long} ({code_text(code)}): refusal"
            f" {account.auth_failures} of {account.max_auth_failures}, then it is left alone."
        )
    elif code == OK:
        yield f"The carrier has answered 200 for {long}, and keeps no binding of ours."
        yield "Next: ask the carrier why its 200 lists no Contact of ours, or one with expires=0."
        return
    elif meaning(code) is SILENT or code is None:
        yield f"The carrier has not answered for {long} (state {account.state})."
    else:
        yield f"The carrier has answered {code_text(code)} for {long} (state {account.state})."
    if account.retry_at is not None:
        wait = max(0, int((account.retry_at - account.now).total_seconds()))
        yield f"It is tried again by itself in {wait} s."
    yield f"Next: {(SILENT if code is None else meaning(code)).action}"
