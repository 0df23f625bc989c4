"""The tools of one call without a telephone or a database: JSON in, short JSON out."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiworker.conversation.read_back_heard import ReadBackHeard
from aiworker.tools.context import ToolContext
from aiworker.tools.tool import Result
from aiworker.tools.toolbox import run_tool
from controlplane.contracts.identifiers import new_id
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.errors import RestaurantError
from controlplane.restaurants.order_draft import OrderDraft, PlacedOrder
from tests.small_menu import CONFIG

PARIS = ZoneInfo("Europe/Paris")


class Orders:
    """Places orders without a database."""

    def __init__(self) -> None:
        self.drafts: list[OrderDraft] = []
        self.failure: type[RestaurantError] | RestaurantError | None = None

    async def place(self, draft: OrderDraft) -> PlacedOrder:
        if self.failure is not None:
            raise self.failure
        self.drafts.append(draft)
        return PlacedOrder(
            id=new_id(),
            number=len(self.drafts),
            total_cents=sum(line.total_cents for line in draft.lines),
            ready_at_local=datetime(2026, 11, 22, 19, 45, tzinfo=PARIS),
            idempotency_key=draft.idempotency_key,
        )


class Talk:
    """One call: its tools, and what of the read-back was heard."""

    def __init__(self, config: RestaurantConfig = CONFIG) -> None:
        self.orders = Orders()
        self.read_back = ReadBackHeard(lambda item: None)
        self.saved = 0
        self.questions: list[str] = []
        self.newer: RestaurantConfig | None = None
        """The menu has changed to this since the call began."""
        self.context = ToolContext(
            call_id=new_id(),
            config=config,
            cart=Cart.empty(),
            read_back=self.read_back,
            place_order=self.orders.place,
            reload=self._reload,
            note_question=self._note,
            caller_number="+33639980123",
            changed=self._save,
        )

    async def _note(self, question: str) -> None:
        self.questions.append(question)

    async def _reload(self) -> RestaurantConfig:
        return self.newer or self.context.config

    def _save(self) -> None:
        self.saved += 1

    async def call(self, name: str, /, **arguments: Any) -> Result:
        return await run_tool(self.context, name, json.dumps(arguments))

    def read_back_heard(self, *, heard_ms: int = 1_000, answered: bool = True) -> None:
        self.read_back.speech_began("item", "response")
        if answered:
            self.read_back.caller_spoke()
        self.read_back.speech_over("item", heard_ms, 1_000)


async def confirmed(talk: Talk) -> Talk:
    await talk.call("add_item", dish="quatre fromages", quantity=2)
    await talk.call("read_back")
    talk.read_back_heard()
    return talk
