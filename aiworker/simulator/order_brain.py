"""The simulated model's manners: a small French order taker, the same answer every time.

It knows the menu's names from the session's instructions and everything else (prices, totals, what
exists) from tool results, whose `spoken` it says as it is. It never makes up a price.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from aiworker.simulator.brain import Call, Output, Say, Turn
from aiworker.simulator.conversation import Item
from aiworker.simulator.french_text import plain_text, words
from aiworker.simulator.menu_words import Menu
from aiworker.simulator.order_phrases import Ordered, Understood, Wish, understand
from aiworker.simulator.order_state import CartLine, OrderState, Phase, line_of, recalled_lines

WHAT_WILL_IT_BE: Final = "Que désirez-vous commander ?"
LISTENING: Final = "Oui, je vous écoute."
NOT_UNDERSTOOD: Final = "Excusez-moi, je n'ai pas compris. Pouvez-vous répéter ?"
ANYTHING_ELSE: Final = "Et avec ceci ?"
WHAT_TO_CHANGE: Final = "Que voulez-vous changer ?"
NO_TOOL: Final = "Je suis désolée, je ne peux pas le faire par téléphone."
ARE_YOU_THERE: Final = "Vous êtes toujours là ?"

_QUOTED = re.compile(r"«\s*(.+?)\s*»")
_TOTAL = re.compile(r"\s*Total : [^.]*\.")
_NOTED = re.compile(r"^C'est noté : ")
_OPENING = re.compile(r"^Horaires : (.+?)\.?$", re.MULTILINE)
_CHANGES: Final = {"add_item", "change_item", "remove_item"}


class OrderBrain:
    """One call's order taker."""

    def __init__(self) -> None:
        self._state = OrderState()
        self._seen: set[str] = set()
        self._calls: dict[str, tuple[str, dict[str, Any]]] = {}
        self._intended: dict[str, Call] = {}
        """The last call of each function as it was meant, should it arrive as something else."""

    def respond(self, turn: Turn) -> list[Output]:
        """Answer what is new since the last response: tool results first, then words."""
        fresh = [item for item in turn.items if item.id not in self._seen]
        self._seen.update(item.id for item in fresh)
        self._remember_calls(turn.items)
        results = [self._result(i) for i in fresh if i.kind == "function_call_output"]
        messages = [item for item in fresh if item.kind == "message"]
        if results:
            outputs = self._after_tools(results)
        elif messages and messages[-1].role == "system":
            outputs = self._after_instructions(messages)
        elif messages and messages[-1].role == "user":
            text = " ".join(item.text for item in _unanswered(messages)).strip()
            outputs = self._after_words(text, Menu.from_instructions(turn.instructions), turn)
        else:
            outputs = [Say(ARE_YOU_THERE if turn.number else WHAT_WILL_IT_BE)]
        return self._with_known_tools(outputs, turn)

    # -- what the system says --------------------------------------------------------------

    def _after_instructions(self, messages: Sequence[Item]) -> list[Output]:
        """Do what a system message asks: say what it quotes, remember the order it recalls."""
        texts = [item.text for item in messages if item.role == "system"]
        recalled = [line for text in texts for line in recalled_lines(text)]
        for line in recalled:
            self._state.cart[line.line] = line
            self._state.last_line = line.line
        quoted = [quote for text in texts for quote in _QUOTED.findall(text)]
        if not quoted:
            flat = plain_text(" ".join(texts))
            quoted = [say for sign, say in _ASKED_FOR.items() if plain_text(sign) in flat]
        said = " ".join(quoted) or LISTENING
        if recalled:
            names = " ; ".join(f"{line.quantity} {line.name}" for line in recalled)
            said = f"{said} J'ai noté : {names}. {ANYTHING_ELSE}"
        return [Say(said)]

    # -- what the tools said ---------------------------------------------------------------

    def _remember_calls(self, items: Sequence[Item]) -> None:
        for item in items:
            if item.kind == "function_call":
                arguments = _json(item.data["arguments"])
                self._calls[item.data["call_id"]] = (item.data["name"], arguments)

    def _result(self, item: Item) -> tuple[str, dict[str, Any], dict[str, Any]]:
        name, arguments = self._calls.get(item.data["call_id"], ("", {}))
        return name, arguments, _json(item.data["output"])

    def _after_tools(
        self, results: Sequence[tuple[str, dict[str, Any], dict[str, Any]]]
    ) -> list[Output]:
        for name, arguments, result in results:
            self._learn(name, arguments, result)
        again = [
            self._intended[name]
            for name, _, result in results
            if result.get("error") == "malformed_arguments" and name in self._intended
        ]
        if again:
            return list(again)
        failed = [result for _, _, result in results if result.get("status") == "error"]
        names = {name for name, _, _ in results}
        if names & _CHANGES:
            return self._after_changes([r for _, _, r in results], failed)
        name, _, result = results[-1]
        spoken = str(result.get("spoken", ""))
        if failed:
            return self._after_failure(result, spoken)
        match name:
            case "read_back":
                self._state.phase = Phase.CONFIRMING
                return [Say(spoken)]
            case "place_order":
                self._state.phase = Phase.PLACED
                self._state.cart.clear()
                return [Say(f"{spoken} Merci et à bientôt !"), Call.of("hang_up")]
            case "look_up_menu":
                return [Say(f"{spoken} Que voulez-vous prendre ?")]
            case _:
                return [Say(spoken)] if spoken else []

    def _after_changes(
        self, results: Sequence[dict[str, Any]], failed: Sequence[dict[str, Any]]
    ) -> list[Output]:
        if failed:
            self._state.finishing = False
            done = [r for r in results if r.get("status") != "error"]
            return [Say(_joined([*done, *failed]) or NO_TOOL)]
        if self._state.finishing or self._state.phase is Phase.CONFIRMING:
            self._state.finishing = False
            return [Call.of("read_back")] if self._state.cart else [Say(WHAT_WILL_IT_BE)]
        return [Say(f"{_joined(results)} {ANYTHING_ELSE}")]

    def _after_failure(self, result: dict[str, Any], spoken: str) -> list[Output]:
        match result.get("error"):
            case "read_back_needed":
                return [Say(spoken), Call.of("read_back")]
            case "confirmation_needed":
                self._state.phase = Phase.CONFIRMING
            case "cart_empty":
                self._state.cart.clear()
                return [Say(f"{spoken} {WHAT_WILL_IT_BE}")]
            case "orders_unavailable":
                self._state.offered_transfer = True
        return [Say(spoken or NO_TOOL)]

    def _learn(self, name: str, arguments: dict[str, Any], result: dict[str, Any]) -> None:
        state = self._state
        if result.get("status") == "error":
            suggestions = result.get("suggestions") or []
            if name == "add_item" and len(suggestions) == 1:
                state.offered = (suggestions[0], arguments.get("quantity", 1))
            return
        if name == "remove_item":
            state.cart.pop(result.get("line", 0), None)
            state.last_line = max(state.cart, default=None)
        elif name in _CHANGES and "line" in result:
            state.last_line = int(result["line"])
            state.cart[state.last_line] = line_of(result)
        for line in result.get("lines", []) if name == "read_back" else []:
            state.cart[line["line"]] = line_of(line)

    # -- what the caller said --------------------------------------------------------------

    def _after_words(self, text: str, menu: Menu, turn: Turn) -> list[Output]:
        if not text:
            return [Say(NOT_UNDERSTOOD)]
        said = understand(text, menu)
        self._state.name = said.name or self._state.name
        leaving = self._leaving(said)
        if leaving:
            return leaving
        changes = self._changes(said)
        offered, self._state.offered = self._state.offered, None
        if changes:
            self._state.finishing = Wish.DONE in said.wishes
            return list(changes)
        transfer, self._state.offered_transfer = self._state.offered_transfer, False
        if transfer and Wish.YES in said.wishes:
            return [Call.of("transfer_to_human", reason="technical")]
        if offered and Wish.YES in said.wishes:
            return [Call.of("add_item", dish=offered[0], quantity=offered[1])]
        if Wish.HOURS in said.wishes:
            found = _OPENING.search(turn.instructions)
            return [Say(f"Nos horaires : {found[1]}." if found else NO_TOOL)]
        if Wish.MENU in said.wishes:
            query = said.ordered[0].dish if said.ordered else said.category or ""
            return [Call.of("look_up_menu", query=query)]
        return self._small_words(said, text)

    def _leaving(self, said: Understood) -> list[Output]:
        for wish, reason in _REASONS.items():
            if wish in said.wishes:
                return [Call.of("transfer_to_human", reason=reason)]
        if Wish.GOODBYE in said.wishes and self._state.phase is not Phase.CONFIRMING:
            return [Call.of("hang_up")]
        return []

    def _small_words(self, said: Understood, text: str) -> list[Output]:
        state = self._state
        if state.phase is Phase.CONFIRMING:
            return self._confirming(said)
        if said.wishes & {Wish.DONE, Wish.NO} or said.name:
            if state.cart:
                return [Call.of("read_back")]
            if state.phase is Phase.PLACED:
                return [Call.of("hang_up")]
            return [Say(WHAT_WILL_IT_BE)]
        if Wish.REPEAT in said.wishes and state.last_said:
            return [Say(state.last_said)]
        if said.wishes & {Wish.YES, Wish.WAIT} or plain_text(text) in _OPENERS:
            return [Say(LISTENING)]
        return [Say(NOT_UNDERSTOOD)]

    def _confirming(self, said: Understood) -> list[Output]:
        if Wish.NO in said.wishes and not said.wishes & {Wish.YES, Wish.DONE}:
            return [Say(WHAT_TO_CHANGE)]
        if said.wishes & {Wish.YES, Wish.DONE} or said.name:
            name = {"customer_name": self._state.name} if self._state.name else {}
            return [Call.of("place_order", **name)]
        if said.wishes & {Wish.REPEAT}:
            return [Call.of("read_back")]
        return [Say(LISTENING if Wish.WAIT in said.wishes else NOT_UNDERSTOOD)]

    # -- what the cart becomes -------------------------------------------------------------

    def _changes(self, said: Understood) -> list[Call]:
        if Wish.MENU in said.wishes:
            return []
        if said.swapped:
            new, old = said.ordered[0], said.ordered[1]
            return [Call.of("change_item", dish=old.dish, new_dish=new.dish)]
        if said.ordered:
            return [self._change(said, ordered) for ordered in said.ordered]
        line = self._state.cart.get(self._state.last_line or 0)
        if line is None:
            return []
        if said.number is not None:
            return [Call.of("change_item", line=line.line, quantity=said.number)]
        if said.options:
            options = [*line.options, *said.options]
            return [Call.of("change_item", line=line.line, options=options)]
        return []

    def _change(self, said: Understood, ordered: Ordered) -> Call:
        line = self._line_of(ordered.dish)
        if said.removing and not said.adding:
            return _removal(ordered, line)
        if line and (ordered.definite or (said.instead and not said.adding)):
            asked: dict[str, Any] = {"line": line.line}
            if ordered.quantity:
                asked["quantity"] = ordered.quantity
            if ordered.options:
                asked["options"] = [*line.options, *ordered.options]
            if len(asked) > 1:
                return Call.of("change_item", **asked)
        options = {"options": list(ordered.options)} if ordered.options else {}
        return Call.of("add_item", dish=ordered.dish, quantity=ordered.quantity or 1, **options)

    def _line_of(self, dish: str) -> CartLine | None:
        wanted = {word.plain for word in words(dish)}
        for line in self._state.cart.values():
            if wanted <= {word.plain for word in words(line.name)}:
                return line
        return None

    def _with_known_tools(self, outputs: Sequence[Output], turn: Turn) -> list[Output]:
        kept = [o for o in outputs if not isinstance(o, Call) or o.name in turn.tools]
        if len(kept) < len(outputs) and not any(isinstance(o, Say) for o in kept):
            kept.insert(0, Say(NO_TOOL))
        self._intended.update({o.name: o for o in kept if isinstance(o, Call)})
        said = [o.text for o in kept if isinstance(o, Say)]
        self._state.last_said = said[-1] if said else self._state.last_said
        return kept


_REASONS: Final = {
    Wish.ALLERGY: "allergy",
    Wish.COMPLAINT: "complaint",
    Wish.HUMAN: "asked",
}
_ASKED_FOR: Final = {
    "prends congé": "Je dois vous laisser. Merci de votre appel, au revoir !",
    "personne n'a répondu": "Excusez-moi, personne n'est libre. Je continue avec vous ?",
}
_OPENERS: Final = {
    plain_text(text)
    for text in ("allô", "bonjour", "bonsoir", "mmh", "je voudrais commander", "merci", "euh")
}


def _unanswered(messages: Sequence[Item]) -> list[Item]:
    """Return the caller's messages after the agent's last."""
    spoken: list[Item] = []
    for item in messages:
        if item.role == "assistant":
            spoken.clear()
        elif item.role == "user":
            spoken.append(item)
    return spoken


def _removal(ordered: Ordered, line: CartLine | None) -> Call:
    """Take the whole line out, or only as many as were named."""
    if line and ordered.quantity and ordered.quantity < line.quantity:
        left = line.quantity - ordered.quantity
        return Call.of("change_item", line=line.line, quantity=left)
    return Call.of("remove_item", dish=line.name if line else ordered.dish)


def _joined(results: Sequence[dict[str, Any]]) -> str:
    """Say several results as one: only the last total still holds."""
    spoken = [str(result.get("spoken", "")) for result in results]
    last_total = max((n for n, text in enumerate(spoken) if _TOTAL.search(text)), default=-1)
    short = [
        _NOTED.sub("" if n else "C'est noté : ", text if n == last_total else _TOTAL.sub("", text))
        for n, text in enumerate(spoken)
    ]
    return " ".join(text[:1].upper() + text[1:] for text in short if text)


def _json(text: str) -> dict[str, Any]:
    """Read a tool's arguments or output; anything but an object is an empty one."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
