"""One call of a worker: what is heard, said and remembered, the tools, and the manners around them.

Between the bridge's stream and the conversation: when silence is broken, what is said while
something takes long, how the call ends.
"""

import asyncio
import time
from functools import partial
from typing import Final

import structlog

from aiworker.call_memory import CallMemory, CallState
from aiworker.call_record import CallRecord
from aiworker.clients import Clients
from aiworker.conversation.conversation import Conversation
from aiworker.conversation.manners import Manners
from aiworker.media.caller_audio import CallerAudio
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.stream import MediaStream, StreamOver
from aiworker.media.voice_activity import VoiceActivity
from aiworker.realtime.connection import RealtimeLink, RealtimeUnavailable
from aiworker.realtime.session import session_update
from aiworker.settings import WorkerSettings
from aiworker.tools.context import ToolContext
from aiworker.tools.spoken_cart import spoken_line
from aiworker.tools.toolbox import run_tool, tool_schemas
from controlplane.contracts.messages import (
    BridgeMessage,
    CallOffer,
    Cleared,
    Dtmf,
    GreetingEnded,
    Marked,
    Started,
    TransferFailed,
)
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.place_order import orders_of_call, place_order

log = structlog.get_logger()

TOOL_FILLER_SECONDS: Final = 2.0
"""Two seconds of nothing after a question sound like a dead line."""
REOPENINGS: Final = 3
"""Realtime sessions one call may lose; more is a service that does not work today."""

_RESUMED: Final = (
    "La communication avec l'appelant a été coupée un instant et reprend maintenant. "
    "Dis « Excusez-moi, reprenons. », rappelle la commande en une phrase, puis continue."
)
_RECONNECTED: Final = (
    "Tu as été interrompu un instant par un problème technique. Continue la conversation là où "
    "elle en était, sans te présenter de nouveau."
)


class WorkerCall:
    """One call. Everything but `remember` and `use_tools` returns at once."""

    def __init__(
        self,
        offer: CallOffer,
        config: RestaurantConfig,
        stream: MediaStream,
        memory: CallMemory,
        settings: WorkerSettings,
        clients: Clients,
    ) -> None:
        self.memory = memory
        self.session = session_update(settings, config, tool_schemas())
        self._offer, self._config = offer, config
        self.model = settings.realtime_model or config.realtime_model
        self._max_seconds = settings.max_call_seconds
        self._database = clients.sessions
        voice = VoiceActivity()
        self.caller_audio = CallerAudio(voice, complain=stream.complain)
        self.speech_output = SpeechOutput(
            stream, heard=lambda speech: self.conversation.on_heard(speech)
        )
        self.record = CallRecord(offer.call_id, offer.restaurant_id, clients.events.tell)
        self.conversation = Conversation(
            self.speech_output,
            voice,
            self.record,
            changed=self._keep,
            caller_spoke=lambda: self.manners.caller_spoke(),
            clock=time.monotonic,
        )
        self.tools = ToolContext(
            call_id=offer.call_id,
            config=config,
            cart=Cart.empty(),
            recap=self.conversation.read_back,
            place_order=partial(place_order, clients.sessions),
            caller_number=offer.caller_number,
            changed=self._keep,
            announce=lambda order: self.record.placed_order(order.id),
        )
        self.manners = Manners(
            self.conversation,
            self.speech_output,
            self.tools,
            self.caller_audio,
            voice,
            max_seconds=settings.max_call_seconds,
        )
        self._sessions = self._sessions_before = 0
        self._owes_words = offer.resumed
        """The next session begins with the assistant speaking."""

    # --- Before and after ----------------------------------------------------------------------

    async def remember(self, state: CallState) -> None:
        """Another worker had this call: take its cart and its last words."""
        self.tools.cart = Cart(state.cart)
        self.record.transcript.restore(state.turns, state.next_position)
        self.manners.caller_spoke()
        placed = await orders_of_call(
            self._database,
            self._config.id,
            self._offer.call_id,
            timezone=self._config.timezone,
        )
        self.tools.placed.extend(placed)
        key = f"{self._offer.call_id}:{self.tools.cart.revision}"
        if any(order.idempotency_key == key for order in placed):
            self.tools.cart.clear()

    def finish(self) -> None:
        """The stream is over: close the record."""
        self.conversation.close()
        self.record.ended(self.model)

    # --- The bridge ----------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        self.caller_audio.hear(frame)

    def on_bridge_message(self, message: BridgeMessage) -> None:
        match message:
            case Started(call_id=call_id, greeting=greeting):
                if call_id != self._offer.call_id:
                    log.error("stream_of_another_call")
                    raise StreamOver("wrong_call")
                if greeting == "ended":
                    self.manners.greeting_ended()
            case GreetingEnded():
                self.manners.greeting_ended()
            case Cleared():
                self.conversation.turns.cleared(message)
            case Marked():
                self.speech_output.on_marked(message)
            case Dtmf(digit=digit):
                self.manners.caller_spoke()
                self.conversation.instruct(f"L'appelant a appuyé sur la touche {digit}.")
            case TransferFailed():
                self.manners.transfer_failed()

    # --- Realtime ------------------------------------------------------------------------------

    def attach(self, link: RealtimeLink) -> None:
        """A session is open: talk over it, knowing what went before."""
        context: list[str] = []
        if self._sessions:
            context = [_RECONNECTED, cart_summary(self.tools)]
        elif self._offer.resumed:
            context = [_RESUMED, cart_summary(self.tools)]
        self._sessions += 1
        self.conversation.attach(link, context=context, respond=self._owes_words)
        self._owes_words = False
        self.caller_audio.attach(link)
        self.manners.link = link

    def detach(self) -> None:
        """The session is lost, or could not be had: say so, and keep listening."""
        if self.manners.link is None:
            return
        self.manners.link = None
        self.caller_audio.attach(None)
        silent = not self.speech_output.audible()
        self._owes_words = self.conversation.detach() or silent
        self.manners.hold_if_silent()

    def may_reopen(self, error: RealtimeUnavailable) -> bool:
        """Whether to try another session, rather than leave the caller to a human."""
        lost_now = self._sessions > self._sessions_before
        self._sessions_before = self._sessions
        return error.retry and lost_now and self._sessions <= REOPENINGS

    # --- Tools ---------------------------------------------------------------------------------

    async def use_tools(self) -> None:
        """Run the model's function calls, one after the other, each to its end."""
        while True:
            asked = await self.conversation.tool_calls.get()
            loop = asyncio.get_running_loop()
            filler = loop.call_later(TOOL_FILLER_SECONDS, self.manners.hold_if_silent)
            try:
                result = await run_tool(self.tools, asked.name, asked.arguments)
            finally:
                filler.cancel()
            respond = self.manners.tool_used(asked.name)
            self.conversation.tool_done(asked, result, respond=respond)

    def _keep(self) -> None:
        self.memory.keep(
            CallState(
                cart=self.tools.cart.state,
                turns=self.record.transcript.tail(),
                next_position=self.record.transcript.next_position,
            )
        )


def cart_summary(tools: ToolContext) -> str:
    """The order so far, for a session that does not know it."""
    placed = "".join(
        f"La commande numéro {order.number} est déjà enregistrée. " for order in tools.placed
    )
    if not tools.cart.lines:
        return f"{placed}Aucun plat n'attend d'être commandé."
    lines = " ; ".join(f"ligne {line.line} : {spoken_line(line)}" for line in tools.cart.lines)
    return f"{placed}Commande en cours, pas encore passée : {lines}."
