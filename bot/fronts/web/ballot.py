"""The foot of an open duel: a ballot, the votes of several people, a ballot that can still be taken back, and why."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement
from nicegui.events import GenericEventArguments

from bot.app.collecting import LEAST, MOST, NAME_CHARACTERS
from bot.app.voting import REASON_CHARACTERS
from bot.ballots import Choice, Guess, Reason, Why
from bot.fronts.web.dom import el, icon
from bot.views import Collected, DuelView
from bot.words import CANNOT_TELL, CHOICES, REASONS, counted, said_in_a_sentence, started, voted_of, when, which_one
from engine.contestants import Arm
from engine.duel import Side

T = TypeVar("T")
OPEN_FOR = {1.0: "1 hour", 24.0: "1 day", 72.0: "3 days", 168.0: "1 week"}  # hours for which votes can be collected
WHO = "Who are you? The others see your name once the vote has closed, and never what you chose."


@dataclass(frozen=True, slots=True)
class Acts:
    """What a person can do with a duel; the page decides what follows."""

    viewer: str
    stop: Callable[[DuelView], Awaitable[object]]
    asks: Callable[[DuelView], Arm | None]  # the technique that the person is asked to find before a vote; None: nothing is asked
    vote: Callable[[DuelView, Choice, Guess | None], Awaitable[object]]
    undo: Callable[[DuelView], Awaitable[object]]
    reveal: Callable[[DuelView], Awaitable[object]]
    explain: Callable[[DuelView, tuple[Why, ...], str], Awaitable[object]]
    collect: Callable[[DuelView, int, float], Awaitable[object]]  # people, hours
    close: Callable[[DuelView], Awaitable[object]]
    called: Callable[[], str]  # the name that the person votes under; "": none yet
    call: Callable[[str], Awaitable[object]]
    enter_reveals: bool  # Enter shows who was who, after a ballot that is held
    link: Callable[[DuelView], str]  # address at which others vote
    ask_again: Callable[[DuelView], Awaitable[object]]
    ask_anew: Callable[[DuelView], Awaitable[object]] | None  # in a conversation of its own; None: nothing is asked on this page
    edit: Callable[[DuelView], Awaitable[object]] | None  # the same, once it was changed
    ask_next: Callable[[DuelView], Awaitable[object]]  # what is offered under equal answers


class OpenFoot:
    """What is below the cards while a duel takes ballots; drawn where it is made."""

    def __init__(self, view: DuelView, acts: Acts) -> None:
        self._view, self._acts = view, acts
        el("p", "note", view.note)
        if view.collected:
            self._draw_collected(view.collected)
        mine = view.asker == acts.viewer
        if view.held_until:
            self._draw_held(view.held_until)
        elif view.collected and not acts.called():
            _ask_name(acts)
        else:
            self._draw_ballot()
            if mine and not view.collected:
                _offer_collecting(view, acts)
        self._count: TextElement = el("p", "note quiet", "", role="status")  # type: ignore[assignment]
        self.count(view)

    def count(self, view: DuelView) -> None:
        """Say how many have voted; nothing else changes with their number."""
        if view.collected:
            words = voted_of(view.ballots, view.collected)
            self._count.set_text(f"{words} You can change your vote until it closes." if view.own_choice else words)
        else:
            others = view.ballots and not view.held_until
            self._count.set_text(f"{counted(view.ballots, 'vote')} so far. You can change yours until the vote closes." if others else "")

    def _draw_collected(self, collected: Collected) -> None:
        """Say until when votes are collected; whoever asked gets the link, and may close the vote."""
        view, acts = self._view, self._acts
        with el("div", "collected"):
            icon("people")
            now = datetime.now().astimezone()
            el("p", "note", f"Votes of {collected.quorum} people, until {when(collected.closes_at, now)} at the latest.")
            if view.asker != acts.viewer:
                return
            with el("span", "link-row"):
                el("input", "link", type="text", readonly=True, aria_label="Link for the others", **{"^value": acts.link(view)})
                el("button", "pill", "Copy the link", type="button", data_does="copy")
            button("pill", "Close the vote", acts.close, view, "close").props["title"] = "Closed by hand it does not count for the verdict"

    def _draw_held(self, until: datetime) -> None:
        """Offer to see who was who, and to take the ballot back before that."""
        view, acts = self._view, self._acts
        if view.own_choice is None:
            el("p", "note", "Somebody has just voted, and one vote closes this duel.", role="status")
            return
        with el("div", "held", role="group", aria_label="Your vote"):
            el("p", "note", f"You voted: {said_in_a_sentence(view.own_choice)}.", role="status")
            button("pill primary", "Show who was who", acts.reveal, view, key="Enter" if acts.enter_reveals else "", does="go")
            button("pill", "Undo", acts.undo, view, "undo", key="U", does="undo")
            left_s = max(0.0, (until - datetime.now(UTC)).total_seconds())
            el("span", "drain", aria_hidden="true").style(f"animation-duration: {left_s:.1f}s")
        draw_why(view, acts)

    def _draw_ballot(self) -> None:
        view = self._view
        self._box = el("div", "voting")
        with self._box:
            _options("Which answer is better?", [(CHOICES[choice], choice, view.own_choice == choice) for choice in Choice], self._choose)
        if view.own_choice:
            draw_why(view, self._acts)

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


def button(
    classes: str,
    words: str,
    act: Callable[[DuelView], Awaitable[object]],
    view: DuelView,
    drawing: str = "",
    *,
    key: str = "",
    does: str = "",
) -> Element:
    """Add a button that does something with a duel. drawing: its icon; key: that presses it, too, where `does` names it for that."""

    async def clicked() -> None:
        await act(view)

    with el("button", classes, type="button", **({"data-does": does} if does else {})).on("click", clicked, args=[]) as made:
        if drawing:
            icon(drawing)
        el("span", "", words)
        if key:
            el("kbd", "", key, aria_hidden="true")
    return made


def _options(question: str, options: Sequence[tuple[str, T, bool]], chosen: Callable[[T], Awaitable[None]]) -> None:
    """Draw a question with a button and a key for each answer: its words, its value, and whether it was chosen before."""
    el("p", "question", question, aria_hidden="true")
    with el("div", "votes", role="group", aria_label=question, tabindex=-1):
        for key, (words, value, pressed) in enumerate(options, 1):

            async def clicked(value: T = value) -> None:
                await chosen(value)

            made = el("button", "vote", type="button", data_key=key, aria_keyshortcuts=str(key), aria_pressed=str(pressed).lower())
            with made.on("click", clicked, args=[]):
                el("span", "", words)
                el("kbd", "", str(key), aria_hidden="true")


def _ask_name(acts: Acts) -> None:
    """Ask once for the name that this browser votes under."""
    typed = [""]

    def written(event: GenericEventArguments) -> None:
        typed[0] = str(event.args)

    async def done() -> None:
        await acts.call(typed[0])

    async def entered(event: GenericEventArguments) -> None:
        written(event)
        await done()

    with el("div", "naming", role="group", aria_label="Your name"):
        with el("label"):
            el("span", "", WHO)
            box = el("input", "line", type="text", maxlength=NAME_CHARACTERS, autocomplete="nickname", placeholder="Your name")
        box.on("change", written, js_handler="(event) => emit(event.target.value)")
        box.on("keydown.enter", entered, js_handler="(event) => event.isComposing || emit(event.target.value)")
        el("button", "pill primary", "Go on to the vote", type="button").on("click", done, args=[])


def _offer_collecting(view: DuelView, acts: Acts) -> None:
    """Let the asker open the vote to others: how many, and for how long."""
    given = {"people": "3", "hours": "24.0"}

    def field(name: str, made: Element) -> None:
        def changed(event: GenericEventArguments) -> None:
            given[name] = str(event.args)

        made.on("change", changed, js_handler="(event) => emit(event.target.value)")

    async def collect() -> None:
        people = given["people"]
        await acts.collect(view, int(people) if people.isdecimal() else 0, float(given["hours"]))

    with el("details", "collecting"):
        with el("summary", "pill"):
            icon("people")
            el("span", "", "Collect votes")
        with el("div", "collect-form"):
            with el("label"):
                el("span", "", "People")
                field("people", el("input", "line", type="number", min=LEAST, max=MOST, step=1, **{"^value": given["people"]}))
            with el("label"):
                el("span", "", "Open for at most")
                with el("select", "line") as hours:
                    for value, words in OPEN_FOR.items():
                        el("option", "", words, value=str(value), **({"selected": True} if str(value) == given["hours"] else {}))
                field("hours", hours)
            el("button", "pill primary", "Make the link", type="button").on("click", collect, args=[])


def draw_why(view: DuelView, acts: Acts) -> None:
    """Let a voter say why, if they like: kinds to tick, and free words; kept as they are changed."""
    own = view.own_reason or Reason()
    kinds, words = set(own.kinds), [own.words]

    async def keep() -> None:
        await acts.explain(view, tuple(kind for kind in Why if kind in kinds), words[0])

    def toggle(kind: Why) -> None:
        with el("button", "tick", type="button", aria_pressed=str(kind in kinds).lower()) as chip:
            el("span", "", started(REASONS[kind]))

        async def clicked() -> None:
            kinds.symmetric_difference_update({kind})
            chip.props["aria-pressed"] = str(kind in kinds).lower()
            chip.update()
            await keep()

        chip.on("click", clicked, args=[])

    async def written(event: GenericEventArguments) -> None:
        words[0] = str(event.args)
        await keep()

    with el("div", "why", role="group", aria_label="Why, if you like"):
        el("span", "quiet", "Why? If you like:", aria_hidden="true")
        for kind in Why:
            toggle(kind)
        box = el("input", "line", type="text", maxlength=REASON_CHARACTERS, placeholder="In your words", aria_label="Why, in your words")
        box.props["^value"] = own.words
        box.on("change", written, js_handler="(event) => emit(event.target.value)")
