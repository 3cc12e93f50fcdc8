"""A draft tried out on the team's last requests, beside the version that answers now: streaming, with what it takes."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean

from nicegui import ui
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from bot.app import App
from bot.app.orders import Order
from bot.app.previewing import Gauge, Trial, Which
from bot.fronts.web.dom import el
from bot.fronts.web.markup import html_of, shown
from bot.fronts.web.tab import Tab
from bot.words import counted, dollars, seconds
from engine.backends.base import Stop
from engine.duel import Answer, Failure
from engine.errors import DuelbotError
from engine.recipes import Recipe

QUIET_S = 0.9  # seconds without a key before a draft is tried out
DRAW_S = 0.1  # seconds between two drawings of an answer that is being written
NO_EVIDENCE = "A request on which a recipe was tried out is no evidence for it any more."


class TrialCard:
    """One request with both answers."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        with el("section", "trial", aria_label="A request, answered by both"):
            el("p", "bubble", shown(trial.request.text), dir="auto")
            with el("div", "cards"):
                self._old, self._old_foot = self._card("Now")
                self._new, self._new_foot = self._card("This draft")
        self._old.set_content(trial.old or "")
        self._texts: dict[Which, str] = {"old": trial.old or "", "new": ""}
        self._drawn_at = 0.0

    def _card(self, title: str) -> tuple[ui.html, TextElement]:
        with el("article", "card", aria_label=title):
            with el("header", "card-head"):
                el("h3", "", title)
            text = ui.html("", sanitize=html_of).classes("answer")
            foot: TextElement = el("p", "quiet", "")  # type: ignore[assignment]
        return text, foot

    def begin(self) -> None:
        """Empty what will be written anew."""
        self._texts = {"old": self.trial.old or "", "new": ""}
        self._new_foot.set_text("")
        self._draw()

    def hear(self, which: Which, text: str) -> None:
        """Take what was written more."""
        self._texts[which] += text
        if time.monotonic() - self._drawn_at >= DRAW_S:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._old.set_content(self._texts["old"])
        self._new.set_content(self._texts["new"])

    def end(self, outcomes: Mapping[Which, Answer | Failure]) -> None:
        """Show how it ended."""
        self._draw()
        for which, outcome in outcomes.items():
            foot = self._new_foot if which == "new" else self._old_foot
            foot.set_text(shown(outcome_words(outcome)))
            if which == "old" and isinstance(outcome, Answer):
                self.trial = replace(self.trial, old=outcome.text)
        new = outcomes.get("new")
        if isinstance(new, Answer) and self._texts["old"]:
            same = new.text.strip() == self._texts["old"].strip()
            self._new_foot.set_text(shown(f"{'The same answer' if same else 'Another answer'} · {outcome_words(new)}"))


def outcome_words(outcome: Answer | Failure) -> str:
    """Say what an answer took, or why there is none. Pure."""
    if isinstance(outcome, Failure):
        return outcome.words
    usage = outcome.usage
    cached = f", {usage.cached_prompt_tokens:,} of them kept from before" if usage.cached_prompt_tokens else ""
    return f"{counted(usage.prompt_tokens, 'token')} read{cached}, {usage.new_tokens:,} written, {seconds(usage.total_s)}"


class Trying:
    """The preview beside the form."""

    def __init__(self, app: App, viewer: str, tab: Tab, *, owner: bool) -> None:
        """owner: nobody but whoever runs Duelbot reaches the page, so no limit of persons holds."""
        self._app, self._tab = app, tab
        self._order = Order("", viewer, owner=owner)
        self._by_itself = owner
        self._cards: list[TrialCard] = []
        self._recipe: Recipe | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._stop = Stop()

    async def build(self) -> None:
        """Draw it with the team's last requests."""
        trials = await self._app.previewing.trials(None)
        with el("section", "trying", aria_label="Preview"):
            self._size: TextElement = el("p", "gauge", "", role="status")  # type: ignore[assignment]
            self._cost: TextElement = el("p", "quiet", "")  # type: ignore[assignment]
            with el("div", "trying-acts"):
                el("button", "pill", "Try it now", type="button").on("click", self._now, args=[])
                with el("label", "check"):
                    box = el("input", "", type="checkbox", checked=self._by_itself)
                    box.on("change", self._switched, js_handler="(event) => emit(event.target.checked)")
                    el("span", "", "while I type")
            self._trouble: TextElement = el("p", "problem", "", role="status")  # type: ignore[assignment]
            self._advice = el("ul", "advice", aria_label="What is known to hurt")
            el("p", "quiet", NO_EVIDENCE if trials else "No vote has closed here yet, so there is no real request to try it on. Type one:")
            self._box = el("div", "trials")
            self._typed: Element = el("input", "search", type="text", aria_label="A request to try it on", placeholder="Another request")
            self._typed.on("change", self._add, js_handler="(event) => { emit(event.target.value); event.target.value = ''; }")
        for trial in trials:
            self._show(trial)

    def _show(self, trial: Trial) -> None:
        with self._box:
            self._cards.append(TrialCard(trial))

    async def _add(self, event: GenericEventArguments) -> None:
        with self._tab.in_words():
            self._show(await self._app.previewing.typed(str(event.args), None))
            self._halt()
            self._tab.spawn(self._run(self._cards[-1:]), "preview")  # it alone: the others may still be evidence

    def _switched(self, event: GenericEventArguments) -> None:
        self._by_itself = bool(event.args)

    def problem(self, words: str) -> None:
        """Say what is wrong with the draft as it is now; "": nothing."""
        self._trouble.set_text(shown(words))

    def advise(self, advice: Sequence[str]) -> None:
        """Say what is known to hurt in the draft; nothing is forbidden by it."""
        self._advice.clear()
        with self._advice:
            for words in advice:
                el("li", "", shown(words))

    async def drafted(self, recipe: Recipe) -> None:
        """Count the draft, and try it out when the person rests, if they wish so."""
        if recipe == self._recipe:
            return
        first, self._recipe = self._recipe is None, recipe
        self._halt()
        try:
            request = self._cards[-1].trial.request if self._cards else (await self._app.previewing.typed("Hello?", None)).request
            gauge = await self._app.previewing.gauge(recipe, request)
        except DuelbotError as error:
            self.problem(error.words)
            return
        self._size.set_text(gauge_words(gauge) if gauge else "Tokens are counted once the model is ready.")
        if gauge and gauge.usd_per_1000 is not None:
            self._cost.set_text(f"At most {dollars(gauge.usd_per_1000)} per 1,000 requests, at the prices by tokens.")
        if self._by_itself and not first:
            self._waiting = asyncio.create_task(self._rest())

    async def _rest(self) -> None:
        await asyncio.sleep(QUIET_S)
        with self._tab.client:
            self._tab.spawn(self._run(self._cards), "preview")

    def _halt(self) -> None:
        self._stop.raise_()
        if self._waiting:
            self._waiting.cancel()

    async def _now(self) -> None:
        self._halt()
        self._tab.spawn(self._run(self._cards), "preview")

    async def _run(self, cards: Sequence[TrialCard]) -> None:
        """Try the draft out on these requests, all side by side."""
        recipe = self._recipe
        if recipe is None:
            return
        self._stop = stop = Stop()
        try:
            found = await asyncio.gather(*(self._answer(card, recipe, stop) for card in cards), return_exceptions=True)
        finally:
            stop.raise_()
        trouble = next((each for each in found if isinstance(each, BaseException)), None)
        if trouble and not isinstance(trouble, DuelbotError):
            raise trouble
        self.problem(str(trouble) if trouble else "")
        costs = [each for each in found if isinstance(each, float)]
        if costs and len(costs) == len(found):
            self._cost.set_text(f"{dollars(mean(costs) * 1000)} per 1,000 requests like these, as they were answered just now.")

    async def _answer(self, card: TrialCard, recipe: Recipe, stop: Stop) -> float | None:
        """Answer one request. Returns what the draft's answer cost, in US dollars; None: not known, or stopped."""
        card.begin()
        outcomes = await self._app.previewing.run(recipe, card.trial, self._order, card.hear, stop)
        if stop.raised:
            return None
        card.end(outcomes)
        new = outcomes["new"]
        return new.cost.usd if isinstance(new, Answer) else None


def gauge_words(gauge: Gauge) -> str:
    """Say how large a recipe is with a request, what of it is kept, and the room that is left. Pure."""
    room = f"room for {gauge.room_tokens:,} more" if gauge.room_tokens >= 0 else f"{-gauge.room_tokens:,} too many"
    return (
        f"{counted(gauge.prompt_tokens, 'token')} with the last request; the first {gauge.shared_tokens:,} are the same for every request, "
        f"read once and kept; {room} beside an answer of {gauge.new_tokens:,}, in a context of {gauge.context_tokens:,}."
    )
