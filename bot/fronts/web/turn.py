"""One duel on the page: the request, two cards that nothing tells apart, and below them what can be done now."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui
from nicegui.element import Element

from bot.ballots import Choice
from bot.fronts.web.ballot import Acts, OpenFoot, button
from bot.fronts.web.dom import el, icon
from bot.fronts.web.markup import html_of, shown
from bot.fronts.web.reveal import draw_reveal
from bot.views import DuelView
from bot.words import ARMS, alone_took, made_of, started
from engine.duel import Side


@dataclass(frozen=True, slots=True)
class AnswerCard:
    """The parts of a side's card that change. Both sides have the same, whoever sits there."""

    root: Element
    badge: Element
    text: "AnswerText"
    foot: Element


class AnswerText:
    """What a side has written, as safe HTML; once it is whole, its code is coloured and its formulas are drawn."""

    def __init__(self) -> None:
        self._whole = False
        self._html = ui.html("", sanitize=lambda text: html_of(text, whole=self._whole)).classes("answer")

    def show(self, text: str, *, whole: bool) -> None:
        """Draw the text, where it is another one than before."""
        if whole is not self._whole:
            self._whole = whole
            self._html.set_content("")
        if text != self._html.content:
            self._html.set_content(text)


class DuelTurn:
    """A duel's elements. `show` takes the next view of the same duel and changes what is different."""

    def __init__(self, view: DuelView, acts: Acts) -> None:
        self._acts = acts
        self._drawn: object = None
        self._foot: OpenFoot | None = None
        self.view = view
        with el("section", "turn", aria_label=f"Turn {view.turn}") as self.root:
            el("span", "anchor", id=f"d-{view.id}")
            with el("div", "request"):
                el("p", "bubble", shown(view.request), dir="auto")
                self._draw_request_acts(view)
            with el("div", "cards"):
                self._cards = {side: _card(side, alone=len(view.sides) == 1) for side in view.sides}
            self._below = el("div", "below")
        self.show(view)

    def _draw_request_acts(self, view: DuelView) -> None:
        with el("div", "bubble-acts"):
            with el("button", "bare small", type="button", aria_label="Copy the request", title="Copy the request", data_does="copy"):
                icon("copy")
            for words, drawing, act in (
                ("Ask an edited request", "edit", self._acts.edit),
                ("Ask this again, in a conversation of its own", "again", self._acts.ask_anew),
            ):
                if act:
                    _small(words, drawing, act, view)

    def show(self, view: DuelView) -> None:
        """Draw this state of the duel."""
        self.view = view
        running = view.state in ("waiting", "answering")
        for side, card in self._cards.items():
            card.text.show(view.sides[side].text, whole=not running)
            card.root.classes(add="writing" if running else "", remove="" if running else "writing")
        drawn = (view.state, view.note, view.own_choice, view.held_until, view.collected, self._acts.called(), view.reveal, view.single)
        if drawn == self._drawn:
            if self._foot:
                self._foot.count(view)
            return
        self._drawn = drawn
        for side, card in self._cards.items():
            self._finish(side, card)
        self._foot = None
        self._below.clear()
        with self._below:
            self._draw_below()

    def _finish(self, side: Side, card: AnswerCard) -> None:
        """What a card says besides its text: nothing before the end that the other does not say, too."""
        view, own, running = self.view, self.view.sides[side], self.view.state in ("waiting", "answering")
        card.badge.clear()
        card.foot.clear()
        with card.badge:
            if view.reveal:
                revealed = view.reveal.sides[side]
                el("span", f"badge {revealed.arm}", ARMS[revealed.arm].label)
                if view.own_choice == Choice(side.value):
                    el("span", "badge pick", "Your pick")
            elif view.single:
                el("span", f"badge {view.single.arm}", ARMS[view.single.arm].label)
        with card.foot:
            if own.failure and not running:
                with el("div", "failure"):
                    icon("warning")
                    el("p", "", shown(own.failure), dir="auto")
            elif not own.text and not running:
                el("p", "quiet", "No text.")
            if own.cut and not running:
                el("p", "quiet", "Ended by the token limit.")
            if view.reveal:
                made = view.reveal.sides[side]
                el("p", "quiet", started(made_of(made.recipe, made.adapter)))
            elif view.single:
                el("p", "quiet", started(made_of(view.single.recipe, view.single.adapter)))
                el("p", "quiet", alone_took(view.single))

    def _draw_below(self) -> None:
        view = self.view
        match view.state:
            case "waiting" | "answering":
                with el("div", "acts"):
                    el("p", "note", view.note)
                    button("pill", "Stop", self._acts.stop, view, "stop", key="Esc", does="stop")
            case "open":
                self._foot = OpenFoot(view, self._acts)
            case "closed" if view.reveal:
                draw_reveal(view, view.reveal, self._acts)
            case "answered":
                el("p", "note", view.note)
            case _:
                with el("div", "acts"):
                    el("p", "note", view.note)
                    button("pill", "Ask again", self._acts.ask_again, view, "again")


def _card(side: Side, *, alone: bool = False) -> AnswerCard:
    with el("article", "card", aria_label="Answer" if alone else f"Answer {side.label}") as root:
        with el("header", "card-head"):
            el("h2", "seat", "Answer" if alone else side.label)
            badge = el("div", "badges")
            with el("button", "bare small", type="button", aria_label=f"Copy answer {side.label}", data_does="copy"):
                icon("copy")
        text = AnswerText()
        foot = el("div", "card-foot")
    return AnswerCard(root, badge, text, foot)


def _small(words: str, drawing: str, act: Callable[[DuelView], Awaitable[object]], view: DuelView) -> None:
    async def clicked() -> None:
        await act(view)

    with el("button", "bare small", type="button", aria_label=words, title=words).on("click", clicked, args=[]):
        icon(drawing)


def broken(view: DuelView) -> None:
    """Stands in for a turn that could not be drawn, so that the others still are."""
    with el("section", "turn", aria_label=f"Turn {view.turn}"):
        el("p", "notice", "This duel cannot be shown; the reason is in the log. What is stored of it is unharmed.")
