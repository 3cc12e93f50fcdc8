"""A duel as a Discord message: components v2, both answers in one message, within Discord's limits. Pure but for discord's classes.

    > the request, when the message does not answer one        (TextDisplay)
    A  ### A, text                                             (Container)
    B  ### B, text                                             (Container)
    how it stands: answering, the vote, the reveal             (TextDisplay)
    buttons: Stop | four choices, Full answers, Close | …      (ActionRow)

At most 4,000 characters over all texts and 40 components. Both answers get the same room and no colour of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import discord
from discord import ui

from bot.ballots import Choice, Guess
from bot.fronts.discord import fit, words
from bot.views import DuelView, Post, SideView
from bot.words import ARMS, CANNOT_TELL, CHOICES
from engine.duel import Side

MOST_CHARACTERS = 4000  # UTF-16 units over all texts of a message
MOST_COMPONENTS = 40  # of a message, nested ones counted
REQUEST_ROOM = 400  # UTF-16 units of a request above its answers
AT_LIMIT = "\n-# It met the token limit."
DELETED = "*(deleted)*"
STATUS_ROOM = 1400  # UTF-16 units of the line under the answers, or the reveal: at the worst, about 1,000 are left for each answer
_VOTES = {
    Choice.LEFT: discord.ButtonStyle.primary,
    Choice.RIGHT: discord.ButtonStyle.primary,
    Choice.TIE: discord.ButtonStyle.secondary,
    Choice.BOTH_BAD: discord.ButtonStyle.secondary,
}

GUESSES = {**{side.value: side.label for side in Side}, "unsure": CANNOT_TELL}  # answers to the blinding question as custom ids have them


def guess_of(said: str) -> Guess:
    """Read an answer to the blinding question out of a custom id."""
    return Guess(None if said == "unsure" else Side(said))


@dataclass(frozen=True, slots=True)
class DuelScene:
    """A duel with all else that its message shows."""

    view: DuelView
    post: Post
    shows_request: bool  # whether the request must be repeated here
    status: str
    stoppable: bool = True  # False: the process is leaving, and nobody would hear a click
    asked: tuple[Choice, str] | None = None  # what somebody would vote, and what they are asked before, as the vote closes with it


class Sheet(ui.LayoutView):
    """A layout that discord.py does not keep: its buttons are found by their custom ids, after any restart."""

    def __init__(self, *items: ui.Item["Sheet"]) -> None:
        super().__init__(timeout=None)
        for item in items:
            self.add_item(item)
        self.stop()


def vote_id(duel: str, choice: Choice, guess: str = "") -> str:
    """Write the custom id of a choice; guess: with the answer to the blinding question."""
    return f"v:{duel}:{choice.value}" + (f":{guess}" if guess else "")


def act_id(duel: str, act: str) -> str:
    """Write the custom id of any other button of a duel."""
    return f"d:{duel}:{act}"


def guess_id(duel: str, guess: str) -> str:
    """Write the custom id of an answer to the blinding question."""
    return f"g:{duel}:{guess}"


def duel_sheet(scene: DuelScene) -> Sheet:
    """Draw the message of a duel in any state."""
    view = scene.view
    request = fit.quote(view.request, REQUEST_ROOM) if scene.shows_request and view.request else ""
    asked = f"-# {words.asker_words(view.asker)} asked\n{request}" if request else ""
    status = fit.cut(fit.clean(scene.status), STATUS_ROOM)
    status = status if status.strip() else fit.ELLIPSIS
    room = room_of_each(view, MOST_CHARACTERS - fit.size(asked) - fit.size(status))
    shown = answers_in(view, room)
    items: list[ui.Item[Sheet]] = [ui.TextDisplay(asked)] if asked else []
    items += [ui.Container(ui.TextDisplay(f"### {head_of(view, side)}"), ui.TextDisplay(shown[side])) for side in view.sides]
    items += [ui.TextDisplay(status), *_rows(scene, more=_is_cut(view, room))]
    return Sheet(*items)


def head_of(view: DuelView, side: Side) -> str:
    """Write what stands over an answer: its letter, or the name of who answered alone."""
    if len(view.sides) > 1:
        return side.label
    return ARMS[view.single.arm].label if view.single else fit.ELLIPSIS


def room_of_each(view: DuelView, room: int) -> int:
    """Share this room equally between both answers, without the headings and the mark of a side that met its limit. In UTF-16 units."""
    each = (room - sum(fit.size(f"### {head_of(view, side)}") for side in view.sides)) // len(view.sides)
    return each - len(AT_LIMIT) if any(side.cut for side in view.sides.values()) else each


def _is_cut(view: DuelView, each: int) -> bool:
    """Whether there is more of an answer than is shown."""
    return fit.is_cut({side: shown.text for side, shown in view.sides.items() if shown.state != "failed"}, each)


def answers_in(view: DuelView, each: int) -> dict[Side, str]:
    """Fit both answers, each into this room."""
    if view.state in ("waiting", "answering"):
        shown = {side: view.sides[side].text for side in view.sides}
        return {side: fit.cut(fit.clean(words_), each) if fit.clean(words_).strip() else fit.ELLIPSIS for side, words_ in shown.items()}
    if not view.request:
        return dict.fromkeys(view.sides, DELETED)
    cut = fit.cut_alike({side: shown.text for side, shown in view.sides.items()}, each)
    return {side: _ended(view.sides[side], cut[side], each) for side in view.sides}


def _ended(side: SideView, shown: str, room: int) -> str:
    if side.state == "failed":
        return fit.cut(f"⚠ {fit.clean(side.failure)}", room)
    return f"{shown}{AT_LIMIT}" if side.cut else shown


def _rows(scene: DuelScene, *, more: bool) -> list[ui.Item[Sheet]]:
    view, duel = scene.view, scene.view.id
    full = [_button("Full answers", act_id(duel, "full"))] if more else []
    match view.state:
        case "waiting" | "answering":
            return [] if not scene.stoppable else [ui.ActionRow(_button("Stop", act_id(duel, "stop"), discord.ButtonStyle.danger))]
        case "open":
            closes = [] if scene.post.alone else [_button("Close the vote", act_id(duel, "close"))]
            return [*(_question(duel, *scene.asked) if scene.asked else [vote_row(duel)]), *_row(full + closes + _anew(scene))]
        case "void":
            return _row(full + _anew(scene))
        case _:
            offered = view.next_step is not None and view.next_step.request
            return _row([*full, *([_button("Try it", act_id(duel, "try"))] if offered else []), *_anew(scene)])


def _anew(scene: DuelScene) -> list[ui.Button[Sheet]]:
    """Draw what asks the request once more, as it was asked and as its asker has edited it since."""
    if not scene.view.request:
        return []
    edited = [_button("Ask the edited one", act_id(scene.view.id, "edited"), discord.ButtonStyle.primary)] if scene.post.edited else []
    return [_button("Ask again", act_id(scene.view.id, "again")), *edited]


def vote_row(duel: str) -> ui.ActionRow[Sheet]:
    """Draw the four choices."""
    return ui.ActionRow(*(_button(CHOICES[choice], vote_id(duel, choice), style) for choice, style in _VOTES.items()))


def _question(duel: str, choice: Choice, which: str) -> list[ui.Item[Sheet]]:
    """Draw the question before a vote that will be kept with its answer."""
    buttons = [_button(label, vote_id(duel, choice, guess)) for guess, label in GUESSES.items()]
    return [ui.TextDisplay(f"Your vote: **{CHOICES[choice]}**. {which}"), ui.ActionRow(*buttons)]


def _row(buttons: Sequence[ui.Button[Sheet]]) -> list[ui.Item[Sheet]]:
    return [ui.ActionRow(*buttons)] if buttons else []


def _button(label: str, custom_id: str, style: discord.ButtonStyle = discord.ButtonStyle.secondary) -> ui.Button[Sheet]:
    return ui.Button(label=label, custom_id=custom_id, style=style)


def receipt_sheet(duel: str, said: str, *, undo: bool, which: str = "") -> Sheet:
    """Draw what a voter alone sees: the choice, a way back, and for some the question which side is which."""
    items: list[ui.Item[Sheet]] = [ui.TextDisplay(said)]
    if undo:
        items.append(ui.ActionRow(_button("Undo my vote", act_id(duel, "undo"))))
    if which:
        items.append(ui.TextDisplay(which))
        items.append(ui.ActionRow(*(_button(label, guess_id(duel, guess)) for guess, label in GUESSES.items())))
    return Sheet(*items)


def words_sheet(said: str) -> Sheet:
    """Draw a message of words alone, cut to Discord's limit."""
    return Sheet(ui.TextDisplay(fit.cut(said, MOST_CHARACTERS) or fit.ELLIPSIS))


def full_texts(view: DuelView) -> dict[Side, str]:
    """Return both answers whole, neither of them without a word."""
    return {side: _whole(shown) for side, shown in view.sides.items()}


def _whole(side: SideView) -> str:
    if side.state == "failed":
        return f"⚠ {fit.clean(side.failure)}"
    return fit.clean(side.text) if fit.clean(side.text).strip() else fit.EMPTY


def full_sheet(view: DuelView) -> Sheet | None:
    """Draw both answers whole; None when they do not fit into one message."""
    whole = {side: fit.closed(each) for side, each in full_texts(view).items()}
    if sum(fit.size(each) + len("### A") for each in whole.values()) > MOST_CHARACTERS:
        return None
    return Sheet(*(ui.Container(ui.TextDisplay(f"### {side.label}"), ui.TextDisplay(whole[side])) for side in whole))
