"""`alloresto user` gives a restaurant its owner by a link that works once, shown to nobody else."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from controlplane.cli import main
from controlplane.database import async_engine, async_sessions
from controlplane.models.membership import Role
from controlplane.restaurants.password_reset import use_reset
from controlplane.restaurants.people_errors import ResetOver
from controlplane.restaurants.team import restaurants_of
from tests.integration.kitchen_orders import add_restaurant

pytestmark = pytest.mark.integration

SITE = "https://alloresto.example"
PASSWORD = "correct horse battery"
Said = pytest.CaptureFixture[str]
T = TypeVar("T")


@pytest.fixture
def restaurant(database_url: str, monkeypatch: pytest.MonkeyPatch) -> UUID:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("ALLORESTO_PUBLIC_URL", f"{SITE}/")
    return ask(database_url, add_restaurant)


def ask(url: str, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def asked() -> T:
        engine = async_engine(url, application_name="test")
        async with async_sessions(engine).begin() as session:
            answer = await work(session)
        await engine.dispose()
        return answer

    return asyncio.run(asked())


def link(said: Said) -> str:
    """The token of the link that was printed last."""
    return said.readouterr().out.split(f"{SITE}/reset/")[-1].strip()


def test_an_owner_is_appointed_and_sets_a_password_by_the_link_alone(
    restaurant: UUID, database_url: str, said: Said
) -> None:
    owner = ["user", "owner", str(restaurant), "Lea@example.fr", "--name", "Léa"]
    assert main(owner) == 0
    lost = link(said)
    assert main(["user", "link", "lea@example.fr", "--without-codes"]) == 0
    token = link(said)

    async def first(session: AsyncSession) -> None:
        with pytest.raises(ResetOver):
            await use_reset(session, lost, PASSWORD, now=datetime.now(UTC))
        lea = await use_reset(session, token, PASSWORD, now=datetime.now(UTC))
        assert await restaurants_of(session, lea.id) == {restaurant: Role.OWNER}

    ask(database_url, first)
    assert main(owner) == 0
    assert "/reset/" not in said.readouterr().out  # who signs in already keeps the password
    assert main(["user", "list", str(restaurant), "--json"]) == 0
    assert '"email":"lea@example.fr"' in said.readouterr().out.replace(" ", "")
    platform = ["user", "add", "jeanne@example.fr", "--name", "Jeanne"]
    assert [main(platform), main(platform)] == [0, 1]
    for wrong in (["link", "tom@example.fr"], ["owner", "nowhere", "a@b.fr", "--name", "x"]):
        assert main(["user", *wrong]) == 1


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Said:
    return capsys
