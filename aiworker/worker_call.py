"""One call of a worker: this wires its parts and hands what happens down to them.

Three things happen to a call: the bridge says something (`on_bridge_message`, `hear`), a Realtime
session is had, speaks or is lost (`session_opened`, `on_realtime_event`, `session_lost`), and time
passes (`tick`). Each part is told what concerns it by a method of its own; none calls back.
"""

import time
from functools import partial
from typing import Final
from uuid import UUID

import structlog

from aiworker.call_memory import CallMemory, CallState
from aiworker.call_orders import CallOrders
from aiworker.call_progress import CallPhase, CallProgress
from aiworker.clients import Clients
from aiworker.conversation import silence
from aiworker.conversation.call_ending import CallEnding
from aiworker.conversation.call_record import CallRecord
from aiworker.conversation.conversation import Conversation
from aiworker.conversation.fillers import Fillers
from aiworker.conversation.hand_over import HandOver
from aiworker.conversation.session_watchdog import SessionWatchdog
from aiworker.conversation.silence import Silence
from aiworker.media.caller_audio import CallerAudio
from aiworker.media.speech_output import SpeechOutput
from aiworker.media.stream import MediaStream, StreamOver
from aiworker.media.voice_activity import VoiceActivity
from aiworker.prompts.situation import situation
from aiworker.realtime.connection import RealtimeLink
from aiworker.realtime.errors import RealtimeUnavailable
from aiworker.realtime.events import ServerEvent
from aiworker.realtime.session import session_config
from aiworker.realtime.session_link import SessionLink
from aiworker.settings import WorkerSettings
from aiworker.tools.context import ToolContext
from aiworker.tools.toolbox import run_tool, tool_schemas
from aiworker.unanswered_question import note_unanswered
from controlplane.contracts.messages import (
    BridgeMessage,
    CallOffer,
    Cleared,
    Dtmf,
    EndWanted,
    GreetingEnded,
    HandOverWanted,
    Marked,
    PutOnHold,
    Started,
    TakenOffHold,
    TransferFailed,
    Unheard,
)
from controlplane.contracts.restaurant_config import RestaurantConfig
from controlplane.restaurants.cart import Cart
from controlplane.restaurants.config_cache import reload_restaurant_config

log = structlog.get_logger()

FRAMES_LOST_SECONDS: Final = 75.0
"""FreeSWITCH hangs up on a caller whose packets have stopped for 60 s (`media_timeout`): a stream
that is silent for longer is broken, and another worker's may not be."""
UNHEARD_SECONDS: Final = 1.5
"""A network that loses packets for so long is rare; the bridge looks whether it is something else.
"""
REOPENINGS: Final = 3
"""A call that has lost more Realtime sessions meets a service that does not work today."""
TECHNICAL_HAND_OVERS: Final = 2
"""When the second fails too there is nobody left to talk to this caller."""

SITUATION_SECONDS: Final = 300.0
"""The model's clock is no later than this; nobody says seconds on the telephone."""

_MOST_KEYS: Final = 16
"""Nobody means more keys than these."""
_RESUMED: Final = (
    "La communication avec l'appelant a été coupée un instant et reprend maintenant. "
    "Dis « Excusez-moi, reprenons. », rappelle la commande en une phrase, puis continue."
)
_WAITED: Final = (
    "L'appelant a entendu l'accueil, puis a patienté. Dis « Merci d'avoir patienté, je vous "
    "écoute. »."
)
_OFF_HOLD: Final = (
    "Le téléphone de l'appelant t'a mis en attente : il n'a pas entendu ta dernière phrase, et "
    "t'entend de nouveau. Dis « Je suis toujours là. », puis reprends en une phrase."
)
_ENDED_BY_THE_RESTAURANT: Final = (
    "Le restaurant met fin à cet appel. Dis-le en une phrase polie, sans poser de question, puis "
    "dis au revoir."
)
_RECONNECTED: Final = (
    "Tu as été interrompu un instant par un problème technique. Continue la conversation là où "
    "elle en était, sans te présenter de nouveau."
)


class WorkerCall:
    """It is one call. What waits is a coroutine; everything else returns at once."""

    def __init__(
        self,
        offer: CallOffer,
        config: RestaurantConfig,
        stream: MediaStream,
        memory: CallMemory,
        settings: WorkerSettings,
        clients: Clients,
    ) -> None:
        self._offer = offer
        self.model = settings.realtime_model or config.realtime_model
        self.session_config = session_config(settings, config, tool_schemas())
        self.memory = memory
        self.progress = CallProgress()
        self.link = SessionLink()
        voice = VoiceActivity()
        self.caller_audio = CallerAudio(
            self.progress, self.link, voice, complain=stream.complain, clock=time.monotonic
        )
        self.speech_output = SpeechOutput(stream)
        self.record = CallRecord(
            offer.call_id, offer.restaurant_id, tell=clients.events.tell, changed=memory.changed
        )
        self.conversation = Conversation(
            self.link, self.speech_output, voice, self.record, clock=time.monotonic
        )
        self.tools = ToolContext(
            call_id=offer.call_id,
            config=config,
            cart=Cart.empty(),
            read_back=self.conversation.read_back,
            place_order=lambda draft: self.orders.place(draft),
            reload=partial(reload_restaurant_config, clients.sessions, config.id),
            note_question=partial(note_unanswered, clients.sessions, config.id, offer.call_id),
            caller_number=offer.caller_number,
            changed=memory.changed,
        )
        self.orders = CallOrders(clients, self.tools, self.record, self.conversation)
        self.silence = Silence(self.conversation, self.speech_output)
        self.fillers = Fillers(self.progress, self.conversation, self.speech_output)
        self.watchdog = SessionWatchdog(self.link, voice)
        self._bridge_known = self._unheard = False
        self.hand_over = HandOver(self.progress, self.conversation, self.speech_output)
        self.ending = CallEnding(
            self.progress,
            self.conversation,
            self.speech_output,
            self.tools,
            self.silence,
            self.hand_over,
            max_seconds=settings.max_call_seconds,
        )
        self._sessions_before = 0
        self._technical_hand_overs = 0
        self._keys = ""
        """The caller pressed these during the greeting."""
        self._situation_told_at = time.monotonic()
        self._owes_words = offer.resumed
        """The next session begins with the assistant speaking."""

    # --- Before and after ----------------------------------------------------------------------

    async def remember(self, state: CallState) -> None:
        """Another worker had this call: take its cart and its last words."""
        self.tools.cart = Cart(state.cart)
        self.record.transcript.restore(state.turns, state.next_position)
        self._caller_spoke()
        await self.orders.take_over()

    def state(self) -> CallState:
        """Return what another worker would need now."""
        return CallState(
            cart=self.tools.cart.state,
            turns=self.record.transcript.tail(),
            next_position=self.record.transcript.next_position,
        )

    def finish(self) -> None:
        """Close the record: the stream is over."""
        self.conversation.close()
        self.record.ended(self.model)

    # --- The bridge ----------------------------------------------------------------------------

    def hear(self, frame: bytes) -> None:
        self.caller_audio.hear(frame)

    def on_bridge_message(self, message: BridgeMessage) -> None:
        """Deal with what the bridge says. Raises `StreamOver` when the stream is another call's."""
        match message:
            case Started(call_id=call_id, greeting=greeting):
                if call_id != self._offer.call_id:
                    log.error("stream_of_another_call")
                    raise StreamOver("wrong_call")
                self._bridge_is_there(greeting)
            case GreetingEnded():
                self._greeting_ended()
            case Cleared():
                self.conversation.turns.cleared(message)
            case Marked():
                self.conversation.marked(message)
            case Dtmf(digit=digit):
                self._on_key(digit)
            case PutOnHold():
                self._hold(on=True)
            case TakenOffHold():
                self._hold(on=False)
            case TransferFailed():
                self.ending.keep_talking()
                self.conversation.turns.hold(on=self.progress.on_hold)
                self.hand_over.failed()
            case HandOverWanted(target_id=target_id):
                self._hand_over_to(target_id)
            case EndWanted():
                if self.progress.talking:
                    self.ending.say_goodbye(_ENDED_BY_THE_RESTAURANT)

    def _hand_over_to(self, target_id: UUID | None) -> None:
        """Stop in the middle of a word: somebody at the restaurant wants the caller now."""
        if self.progress.talking:
            self.ending.keep_talking()
            self.conversation.turns.hold(on=True)
            self.hand_over.begin("restaurant", target_id)

    def _bridge_is_there(self, greeting: str) -> None:
        """Note where the call stands. Told so twice, this worker talks to an agent that has nothing
        of what it was sent before: it is another one, or was without FreeSWITCH.
        """
        if self.progress.phase is CallPhase.WITH_HUMAN:
            self.hand_over.ask_again()
        elif greeting == "waited":
            self._caller_has_waited()
        elif self._bridge_known:
            self.speech_output.say_again()
        if not self._bridge_known and (version := self.tools.config.menu_version) is not None:
            self.record.loaded_menu(version)
        self._bridge_known = True
        if greeting != "playing":
            self._greeting_ended()

    def _hold(self, *, on: bool) -> None:
        """Talk to nobody while the caller's telephone holds the call; speak first after that."""
        was_on_hold = self.progress.on_hold
        self.progress.hold(on=on)
        self.conversation.turns.hold(on=on)
        if was_on_hold and self.progress.talking:
            self.ending.keep_talking()
            self.conversation.instruct(_OFF_HOLD)

    def _greeting_ended(self) -> None:
        if self.progress.greeting_ended():
            self.silence.begin()
            self.caller_audio.open()
            if self._keys:
                self._tell_keys()

    def _on_key(self, digit: str) -> None:
        """Have a key answered: after the greeting, over which nothing is said."""
        if not self.progress.listening or len(self._keys) >= _MOST_KEYS:
            return
        self._caller_spoke()
        self._keys += digit
        if self.progress.talking:
            self._tell_keys()

    def _tell_keys(self) -> None:
        keys, self._keys = ", ".join(self._keys), ""
        self.conversation.instruct(f"L'appelant a appuyé sur la touche {keys}.")

    def _caller_has_waited(self) -> None:
        """Speak first: nothing else tells the caller that their wait is over."""
        if self.link.is_open:
            self.conversation.instruct(_WAITED)
        else:
            self._owes_words = True

    def _look_whether_caller_spoke(self) -> None:
        if self.conversation.words.caller_spoke():
            self._caller_spoke()

    def _caller_spoke(self) -> None:
        self.silence.caller_spoke()
        self.ending.caller_spoke()

    # --- Realtime ------------------------------------------------------------------------------

    def session_opened(self, link: RealtimeLink) -> None:
        """Talk over it, knowing what went before."""
        self.link.attach(link)
        context = [self._situation()]
        if self.link.number > 1:
            context += [_RECONNECTED, self.orders.summary()]
        elif self._offer.resumed:
            context += [_RESUMED, self.orders.summary()]
        elif self._owes_words:
            context += [_WAITED]
        self.conversation.session_opened(context=context, respond=self._owes_words)
        self._owes_words = False
        self.caller_audio.session_opened()

    def _situation(self) -> str:
        """Return what is to be said of this moment, and note that it is said."""
        self._situation_told_at = time.monotonic()
        return situation(self.tools.config, self.tools.now())

    def on_realtime_event(self, event: ServerEvent) -> None:
        """Deal with what the server says. Raises `RealtimeUnavailable` when the session is over."""
        self.conversation.on_event(event)
        self._look_whether_caller_spoke()

    def session_lost(self) -> None:
        """Say that the session is gone, if there was one, and keep listening."""
        if not self.link.is_open:
            return
        self.link.detach()
        silent = self.progress.talking and not self.speech_output.audible()
        self._owes_words = self.conversation.session_lost() or silent
        self.fillers.say_if_silent()

    def may_reopen(self, error: RealtimeUnavailable) -> bool:
        """Say whether to try another session, rather than leave the caller to a human."""
        lost_now = self.link.number > self._sessions_before
        self._sessions_before = self.link.number
        return error.retry and lost_now and self.link.number <= REOPENINGS

    async def leave_to_human(self) -> None:
        """Have the bridge ring somebody: no session can be had. Returns when the caller is back."""
        await self.progress.until_talking()
        self.ring_human()
        await self.progress.until_talking()

    def ring_human(self) -> None:
        """Ring somebody for want of a session, or end the call when that was of no use."""
        self._technical_hand_overs += 1
        if self._technical_hand_overs > TECHNICAL_HAND_OVERS:
            self.ending.give_up()
        else:
            self.hand_over.begin("technical")

    # --- Tools ---------------------------------------------------------------------------------

    async def use_next_tool(self) -> None:
        """Wait for a tool call of the model, and run it to its end."""
        call = await self.conversation.tool_calls.next()
        result = await run_tool(self.tools, call.name, call.arguments)
        refused = result.get("status") == "error"
        respond = self.ending.tool_used(call, refused=refused)
        self.conversation.tool_calls.done(call, result, respond=respond)

    # --- Time passes ---------------------------------------------------------------------------

    @property
    def deciding(self) -> bool:
        """Say whether the next tenth of a second matters."""
        return self.conversation.turns.deciding

    def tick(self) -> None:
        """Do whatever is due. Raises `StreamOver` when a human has the call, or nobody."""
        now = time.monotonic()
        self.conversation.tick()
        self._look_whether_caller_spoke()
        if self.conversation.turns.caller_speaking:
            self.caller_audio.fill()
        if self.progress.phase is CallPhase.WITH_HUMAN:
            self.caller_audio.expect_none()
            self.hand_over.tick(now)
        elif self.progress.on_hold:
            self.caller_audio.expect_none()
        elif self.caller_audio.missing_seconds > FRAMES_LOST_SECONDS:
            log.warning("caller_audio_lost")
            raise StreamOver("no_audio")
        elif self.progress.talking:
            self._look_whether_caller_is_heard()
            self.fillers.tick(now)
            if self.link.is_open:
                self._tick_in_session(now)
        elif self.progress.phase is CallPhase.OVER:
            self.ending.insist(now)

    def _look_whether_caller_is_heard(self) -> None:
        unheard = self.caller_audio.missing_seconds > UNHEARD_SECONDS
        if unheard and not self._unheard:
            self.speech_output.control(Unheard())
        self._unheard = unheard

    def _tick_in_session(self, now: float) -> None:
        self.watchdog.tick(now)
        if now > self._situation_told_at + SITUATION_SECONDS:
            self.conversation.inform(self._situation())
        if not self.ending.decided:
            self._break_silence(now)
        self.ending.tick(now)

    def _break_silence(self, now: float) -> None:
        instruction = self.silence.due(now)
        if instruction in silence.LAST:
            self.ending.say_goodbye(instruction)
        elif instruction is not None:
            self.conversation.instruct(instruction)
