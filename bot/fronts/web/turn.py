"""One duel on the page: the request, two cards that nothing tells apart, and below them what can be done now."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from nicegui import ui
from nicegui.element import Element

from bot.ballots import Choice, Guess
from bot.fronts.web.dom import el, icon
from bot.fronts.web.markup import html_of, shown
from bot.fronts.web.words import vote_words
from bot.views import DuelView, NextStep, Reveal
from bot.words import ARMS, CANNOT_TELL, CHOICES, alone_took, counted, figures, made_of, priced, started, which_one
from engine.contestants import Arm
from engine.duel import Side

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Acts:
    """What a person can do with a duel; the page decides what follows."""

    stop: Callable[[DuelView], Awaitable[object]]
    asks: Callable[[DuelView], Arm | None]  # the technique that the person is asked to find before a vote; None: nothing is asked
    vote: Callable[[DuelView, Choice, Guess | None], Awaitable[object]]
    ask_again: Callable[[DuelView], Awaitable[object]]
    ask_next: Callable[[DuelView], Awaitable[object]]  # what is offered under equal answers


@dataclass(frozen=True, slots=True)
class AnswerCard:
    """The parts of a side's card that change. Both sides have the same, whoever sits there."""

    root: Element
    badge: Element
    text: ui.html
    foot: Element


class DuelTurn:
    """A duel's elements. `show` takes the next view of the same duel and changes what is different."""

    def __init__(self, view: DuelView, acts: Acts) -> None:
        self._acts = acts
        self._drawn: object = None
        self.view = view
        with el("section", "turn", aria_label=f"Turn {view.turn}") as self.root:
            el("span", "anchor", id=f"d-{view.id}")
            with el("div", "request"):
                el("p", "bubble", shown(view.request), dir="auto")
            with el("div", "cards"):
                self._cards = {side: _card(side, alone=len(view.sides) == 1) for side in view.sides}
            self._below = el("div", "below")
        self.show(view)

    def show(self, view: DuelView) -> None:
        """Draw this state of the duel."""
        self.view = view
        running = view.state in ("waiting", "answering")
        for side, card in self._cards.items():
            if card.text.content != view.sides[side].text:
                card.text.set_content(view.sides[side].text)
            card.root.classes(add="writing" if running else "", remove="" if running else "writing")
        drawn = (view.state, view.note, view.own_choice, view.ballots, view.reveal, view.single)
        if drawn == self._drawn:
            return
        self._drawn = drawn
        for side, card in self._cards.items():
            self._finish(side, card)
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
                    _button("pill", "Stop", self._acts.stop, view, "stop")
            case "open":
                _VoteBar(view, self._acts)
            case "closed" if view.reveal:
                _reveal(view, view.reveal, self._acts)
            case "answered":
                el("p", "note", view.note)
            case _:
                with el("div", "acts"):
                    el("p", "note", view.note)
                    _button("pill", "Ask again", self._acts.ask_again, view, "again")


def _card(side: Side, *, alone: bool = False) -> AnswerCard:
    with el("article", "card", aria_label="Answer" if alone else f"Answer {side.label}") as root:
        with el("header", "card-head"):
            el("h2", "seat", "Answer" if alone else side.label)
            badge = el("div", "badges")
        text = ui.html("", sanitize=html_of).classes("answer")
        foot = el("div", "card-foot")
    return AnswerCard(root, badge, text, foot)


def _button(classes: str, words: str, act: Callable[[DuelView], Awaitable[object]], view: DuelView, drawing: str) -> None:
    async def clicked() -> None:
        await act(view)

    with el("button", classes, type="button").on("click", clicked, args=[]):
        icon(drawing)
        el("span", "", words)


class _VoteBar:
    """Four choices, and for a vote in a few the question which side is which; the keys 1 to 4 press them (see duel_conduct.js)."""

    def __init__(self, view: DuelView, acts: Acts) -> None:
        self._view, self._acts = view, acts
        el("p", "note", view.note)
        self._box = el("div", "voting")
        with self._box:
            _options("Which answer is better?", [(CHOICES[choice], choice, view.own_choice == choice) for choice in Choice], self._choose)
        if view.ballots:
            el("p", "note", f"{counted(view.ballots, 'vote')} so far. You can change yours until the vote closes.")

    async def _choose(self, choice: Choice) -> None:
        arm = self._acts.asks(self._view)
        if arm is None:
            await self._acts.vote(self._view, choice, None)
            return

        async def guess(guessed: Guess) -> None:
            await self._acts.vote(self._view, choice, guessed)

        self._box.clear()
        with self._box:
            guesses = [*((side.label, Guess(side), False) for side in Side), (CANNOT_TELL, Guess(None), False)]
            _options(f"{CHOICES[choice]}. {which_one(arm)}", guesses, guess)


def _options(question: str, options: Sequence[tuple[str, T, bool]], chosen: Callable[[T], Awaitable[None]]) -> None:
    """Draw a question with a button and a key for each answer: its words, its value, and whether it was chosen before."""
    el("p", "question", question, aria_hidden="true")
    with el("div", "votes", role="group", aria_label=question, tabindex=-1):
        for key, (words, value, pressed) in enumerate(options, 1):

            async def clicked(value: T = value) -> None:
                await chosen(value)

            button = el("button", "vote", type="button", data_key=key, aria_keyshortcuts=str(key), aria_pressed=str(pressed).lower())
            with button.on("click", clicked, args=[]):
                el("span", "", words)
                el("kbd", "", str(key), aria_hidden="true")


def _reveal(view: DuelView, reveal: Reveal, acts: Acts) -> None:
    """Who was who, what to do next where there was nothing to vote on, and what each took."""
    with el("div", "outcome"):
        for words in (vote_words(view), view.note):
            el("p", "note", words)
    if view.next_step:
        _offer(view, view.next_step, acts)
    with el("table", "figures"):
        el("caption", "", "What each answer took")
        with el("thead"), el("tr"):
            el("th", "", "", scope="col")
            for side, revealed in reveal.sides.items():
                with el("th", "", scope="col"):
                    el("span", "", f"{side.label} · {ARMS[revealed.arm].label}")
        with el("tbody"):
            for row in figures(reveal.sides.values()):
                with el("tr"):
                    el("th", "", started(row.label), scope="row")
                    for at, cell in enumerate(row.cells):
                        el("td", "less" if at in row.least else "", cell)
    el("p", "quiet", priced(reveal.sides.values()))


def _offer(view: DuelView, step: NextStep, acts: Acts) -> None:
    """What to do next where there was nothing to vote on; under the last turn alone (style.css)."""

    async def clicked() -> None:
        await acts.ask_next(view)

    with el("div", "offer"):
        el("p", "note", step.words)
        if step.request:
            el("button", "example", shown(step.request), type="button").on("click", clicked, args=[])


def broken(view: DuelView) -> None:
    """Stands in for a turn that could not be drawn, so that the others still are."""
    with el("section", "turn", aria_label=f"Turn {view.turn}"):
        el("p", "notice", "This duel cannot be shown; the reason is in the log. What is stored of it is unharmed.")
