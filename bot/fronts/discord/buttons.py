"""Buttons under duels. All that a button knows is in its custom id, so it works after a restart and for years."""

from datetime import timedelta
from typing import Any

import discord
from discord import ui

from bot.app.orders import Order
from bot.ballots import Choice
from bot.errors import BallotRefused
from bot.fronts.discord import words
from bot.fronts.discord.interactions import answer, desk_of, edits_itself, guarded, is_direct, is_guest, kept, nod, person, roles, think
from bot.fronts.discord.layout import full_sheet, full_texts, receipt_sheet, words_sheet
from bot.fronts.discord.pacing import Rank
from bot.fronts.discord.sending import SILENT, edit_by_token, markdown_files
from bot.views import Shown
from engine.duel import Side
from engine.errors import BadRequest

GUESTS_VOTE = timedelta(minutes=13)
"""Where only the token works, the vote closes while it still does."""
DUEL = r"(?P<duel>[0-9a-f]{32})"


class Vote(ui.DynamicItem[ui.Button[Any]], template=rf"v:{DUEL}:(?P<choice>left|right|tie|both_bad)"):
    """One of the four choices."""

    def __init__(self, item: ui.Button[Any], duel: str, choice: Choice) -> None:
        super().__init__(item)
        self.duel, self.choice = duel, choice

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "Vote":
        assert isinstance(item, ui.Button)
        return cls(item, match["duel"], Choice(match["choice"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await guarded(interaction, self._vote(interaction))

    async def _vote(self, interaction: discord.Interaction) -> None:
        here = edits_itself(interaction)
        await (nod(interaction) if here else think(interaction, private=True))
        desk = desk_of(interaction)
        try:
            shown = await desk.app.voting.cast(self.duel, person(interaction.user), self.choice, roles(interaction))
        except BallotRefused:
            shown = await desk.clicked(await desk.app.looking.shown(self.duel), interaction.message)
            if here:  # its message may have missed the end, and no other way leads there
                await desk.draw_by(interaction, shown)
            raise
        kept(interaction, "Your vote is kept.")
        closed = shown.view.state == "closed"
        shown = await desk.clicked(shown, interaction.message, Rank.AWAITED if closed else Rank.COUNT, drawn_here=here)
        if here:
            await desk.draw_by(interaction, shown)
        if not (here and closed):  # in a direct message the redrawn duel shows the vote; a receipt would repeat it
            await answer(interaction, self._receipt(shown))

    def _receipt(self, shown: Shown) -> Any:
        which = ""
        if shown.asks_for:
            which = f"One more question, for one ballot in a few: which answer do you take for {words.ARM_WORDS[shown.asks_for]}?"
        return receipt_sheet(self.duel, words.receipt_words(shown.view, self.choice), undo=shown.view.state == "open", which=which)


class Act(ui.DynamicItem[ui.Button[Any]], template=rf"d:{DUEL}:(?P<act>stop|close|full|again|undo|try)"):
    """What else can be done with a duel."""

    def __init__(self, item: ui.Button[Any], duel: str, act: str) -> None:
        super().__init__(item)
        self.duel, self.act = duel, act

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "Act":
        assert isinstance(item, ui.Button)
        return cls(item, match["duel"], match["act"])

    async def callback(self, interaction: discord.Interaction) -> None:
        acts = {"stop": self._stop, "close": self._close, "full": self._full, "again": self._again, "undo": self._undo}
        acts["try"] = self._try
        await guarded(interaction, acts[self.act](interaction))

    async def _stop(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        desk, here = desk_of(interaction), edits_itself(interaction)
        await desk.app.asking.stop(self.duel, person(interaction.user))
        kept(interaction, "Both answers are stopped.")
        shown = await desk.clicked(await desk.app.looking.shown(self.duel), interaction.message, drawn_here=here)
        if here:
            await desk.draw_by(interaction, shown)

    async def _close(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        desk = desk_of(interaction)
        shown = await desk.app.voting.close(self.duel, person(interaction.user))
        kept(interaction, "The vote is closed.")
        await desk.draw_by(interaction, await desk.clicked(shown, interaction.message, drawn_here=True))

    async def _full(self, interaction: discord.Interaction) -> None:
        await think(interaction, private=True)
        desk = desk_of(interaction)
        view = (await desk.clicked(await desk.app.looking.shown(self.duel, person(interaction.user)), interaction.message)).view
        if sheet := full_sheet(view):
            await answer(interaction, sheet)
            return
        files = markdown_files({side.label: whole for side, whole in full_texts(view).items()})
        await interaction.edit_original_response(content="Both answers in full.", attachments=files, allowed_mentions=SILENT)

    async def _again(self, interaction: discord.Interaction) -> None:
        ephemeral = interaction.message is not None and interaction.message.flags.ephemeral
        await think(interaction, private=ephemeral)
        desk, asker = desk_of(interaction), person(interaction.user)
        view = (await desk.app.looking.shown(self.duel, asker)).view
        await desk.open(order_of(interaction, view.request, private=ephemeral, again=self.duel), interaction)

    async def _try(self, interaction: discord.Interaction) -> None:
        """Ask what is offered under equal answers, in a new conversation: whoever clicks is its asker."""
        ephemeral = interaction.message is not None and interaction.message.flags.ephemeral
        await think(interaction, private=ephemeral)
        desk, asker = desk_of(interaction), person(interaction.user)
        step = (await desk.app.looking.shown(self.duel, asker)).view.next_step
        if step is None or not step.request:
            raise BadRequest("Nothing is offered here any more. Ask something else.")
        await desk.open(order_of(interaction, step.request, private=ephemeral), interaction)

    async def _undo(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        desk = desk_of(interaction)
        shown = await desk.app.voting.undo(self.duel, person(interaction.user))
        kept(interaction, "Your vote is taken back.")
        desk.redraw(shown, Rank.COUNT)
        await edit_by_token(interaction, words_sheet("Your vote is taken back. You can vote again until the vote closes."))


class Guess(ui.DynamicItem[ui.Button[Any]], template=rf"g:{DUEL}:(?P<guess>left|right|unsure)"):
    """The blinding question: which side does a voter take for the other technique?"""

    def __init__(self, item: ui.Button[Any], duel: str, guess: Side | None) -> None:
        super().__init__(item)
        self.duel, self.guess = duel, guess

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "Guess":
        assert isinstance(item, ui.Button)
        return cls(item, match["duel"], None if match["guess"] == "unsure" else Side(match["guess"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        await guarded(interaction, self._guess(interaction))

    async def _guess(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        await desk_of(interaction).app.voting.guess(self.duel, person(interaction.user), self.guess)
        kept(interaction, "Your guess is kept.")
        await edit_by_token(interaction, receipt_sheet(self.duel, "Thank you. Your guess is kept, and your vote stands.", undo=True))


def order_of(interaction: discord.Interaction, request: str, *, private: bool, **more: Any) -> Order:
    """A request that came by an interaction."""
    guest, direct = is_guest(interaction), is_direct(interaction)
    return Order(
        text=request,
        asker=person(interaction.user),
        event=f"interaction:{interaction.id}",
        team=str(interaction.guild_id) if interaction.guild_id else None,
        channel=str(interaction.channel_id),
        roles=roles(interaction),
        private=private,
        lasting=not (private or guest),
        solo=direct,
        closes_in=GUESTS_VOTE if guest else None,
        **more,
    )
