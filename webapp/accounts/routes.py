"""All routes of accounts, a router a subject."""

from typing import Final

from fastapi import APIRouter

from webapp.accounts import (
    account,
    confirm,
    invitation,
    login,
    pairing,
    passkey_login,
    places,
    reset,
    second_factors,
)

ACCOUNTS: Final[tuple[APIRouter, ...]] = (
    login.router,
    passkey_login.router,
    reset.router,
    invitation.router,
    places.router,
    pairing.router,
    confirm.router,
    account.router,
    second_factors.router,
)
