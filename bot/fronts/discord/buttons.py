"""Buttons under duels and files. All that a button knows is in its custom id, so it works after a restart and for years."""

from typing import Any

import discord
from discord import ui

from bot.ballots import Choice, Guess
from bot.errors import BallotRefused
from bot.fronts.discord import words
from bot.fronts.discord.interactions import answer, edits_itself, guarded, kept, moderates, nod, person, roles, think
from bot.fronts.discord.layout import Sheet, full_sheet, full_texts, guess_of, receipt_sheet, words_sheet
from bot.fronts.discord.orders import order_of
from bot.fronts.discord.parts import parts_of
from bot.fronts.discord.sending import SILENT, edit_by_token, markdown_files
from bot.fronts.discord.timing import Rank
from bot.views import Shown
from bot.words import which_one
from engine.errors import BadRequest

DUEL = r"(?P<duel>[0-9a-f]{32})"  # a duel's id within a custom id
GUESS = r"(?P<guess>left|right|unsure)"  # an answer to the blinding question


class VoteButton(ui.DynamicItem[ui.Button[Any]], template=rf"v:{DUEL}:(?P<choice>left|right|tie|both_bad)(:{GUESS})?"):
    """One of the four choices under a duel, or such a choice with the answer to the blinding question."""

    def __init__(self, item: ui.Button[Any], duel: str, choice: Choice, guess: Guess | None) -> None:
        super().__init__(item)
        self.duel, self.choice, self.guess = duel, choice, guess

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "VoteButton":
        """Make the button anew from a click's custom id."""
        assert isinstance(item, ui.Button)
        return cls(item, match["duel"], Choice(match["choice"]), guess_of(match["guess"]) if match["guess"] else None)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Cast the ballot of whoever clicked."""
        await guarded(interaction, self._vote(interaction))

    async def _vote(self, interaction: discord.Interaction) -> None:
        here, voter = edits_itself(interaction), person(interaction.user)
        await (nod(interaction) if here else think(interaction, private=True))
        parts = parts_of(interaction)
        if here and self.guess is None and await self._asks_first(interaction, voter):
            return
        try:
            shown = await parts.app.voting.cast(self.duel, voter, self.choice, roles(interaction), guess=self.guess)
        except BallotRefused:
            await self._show_end(interaction, here=here)
            raise
        kept(interaction, "Your vote is kept.")
        closed = shown.view.state == "closed"
        shown = await parts.upkeep.clicked(shown, interaction.message)
        if here:
            await parts.drawing.by_click(interaction, shown)
        else:
            parts.drawing.redraw(shown, Rank.AWAITED if closed else Rank.COUNT)
        if not (here and closed):  # in a direct message the redrawn duel shows the vote; a receipt would repeat it
            await answer(interaction, self._receipt(shown))

    async def _asks_first(self, interaction: discord.Interaction, voter: str) -> bool:
        """Put the blinding question in the buttons' place where this vote would close the duel and show who was who."""
        parts = parts_of(interaction)
        shown = await parts.app.looking.shown(self.duel, voter)
        arm = parts.app.voting.asks_before(shown.view, voter) if shown.post and shown.post.alone else None
        if arm is None:
            return False
        await parts.drawing.by_click(interaction, shown, (self.choice, which_one(arm)))
        return True

    async def _show_end(self, interaction: discord.Interaction, *, here: bool) -> None:
        """Bring the message up to what is stored: it may have missed the end of the vote. here: no other way leads to it."""
        parts = parts_of(interaction)
        shown = await parts.upkeep.clicked(await parts.app.looking.shown(self.duel), interaction.message)
        if here:
            await parts.drawing.by_click(interaction, shown)
        else:
            parts.upkeep.mend(shown)

    def _receipt(self, shown: Shown) -> Sheet:
        which = which_one(shown.asks_for) if shown.asks_for else ""
        return receipt_sheet(self.duel, words.receipt_words(shown.view, self.choice), undo=shown.view.state == "open", which=which)


class ActButton(ui.DynamicItem[ui.Button[Any]], template=rf"d:{DUEL}:(?P<act>stop|close|full|again|edited|undo|try)"):
    """Any other button of a duel: what it does is in its custom id."""

    def __init__(self, item: ui.Button[Any], duel: str, act: str) -> None:
        super().__init__(item)
        self.duel, self.act = duel, act

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "ActButton":
        """Make the button anew from a click's custom id."""
        assert isinstance(item, ui.Button)
        return cls(item, match["duel"], match["act"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Do what the button says, for whoever clicked."""
        acts = {"stop": self._stop, "close": self._close, "full": self._full, "again": self._again, "undo": self._undo}
        acts |= {"try": self._try, "edited": self._edited}
        await guarded(interaction, acts[self.act](interaction))

    async def _stop(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        parts, asker = parts_of(interaction), person(interaction.user)
        await parts.app.asking.stop(self.duel, person=asker)
        kept(interaction, "Both answers are stopped.")
        shown = await parts.upkeep.clicked(await parts.app.looking.shown(self.duel, asker), interaction.message)
        if edits_itself(interaction):
            await parts.drawing.by_click(interaction, shown)
        else:
            parts.upkeep.mend(shown)

    async def _close(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        parts = parts_of(interaction)
        shown = await parts.app.voting.close(self.duel, person(interaction.user), moderates=moderates(interaction))
        kept(interaction, "The vote is closed.")
        await parts.drawing.by_click(interaction, await parts.upkeep.clicked(shown, interaction.message))

    async def _full(self, interaction: discord.Interaction) -> None:
        await think(interaction, private=True)
        parts = parts_of(interaction)
        shown = await parts.upkeep.clicked(await parts.app.looking.shown(self.duel, person(interaction.user)), interaction.message)
        parts.upkeep.mend(shown)
        view = shown.view
        if sheet := full_sheet(view):
            await answer(interaction, sheet)
            return
        files = markdown_files({side.label: whole for side, whole in full_texts(view).items()})
        await interaction.edit_original_response(content="Both answers in full.", attachments=files, allowed_mentions=SILENT)

    async def _again(self, interaction: discord.Interaction) -> None:
        ephemeral = interaction.message is not None and interaction.message.flags.ephemeral
        await think(interaction, private=ephemeral)
        parts = parts_of(interaction)
        shown = await parts.app.looking.shown(self.duel, person(interaction.user))
        order = order_of(interaction, shown.view.request, private=ephemeral, again=self.duel, tag=shown.post.tag)
        await parts.desk.open(order, interaction)

    async def _edited(self, interaction: discord.Interaction) -> None:
        """Ask what the request has become since, after what was said before it: whoever clicks is its asker."""
        ephemeral = interaction.message is not None and interaction.message.flags.ephemeral
        await think(interaction, private=ephemeral)
        parts = parts_of(interaction)
        post = (await parts.app.looking.shown(self.duel, person(interaction.user))).post
        if not post.edited:
            raise BadRequest("The edited request was asked already.")
        await parts.desk.open(order_of(interaction, post.edited, private=ephemeral, again=self.duel, tag=post.tag), interaction)
        await parts.app.editing.asked(self.duel)
        parts.drawing.redraw(await parts.app.looking.shown(self.duel))

    async def _try(self, interaction: discord.Interaction) -> None:
        """Ask what is offered under equal answers, in a new conversation: whoever clicks is its asker."""
        ephemeral = interaction.message is not None and interaction.message.flags.ephemeral
        await think(interaction, private=ephemeral)
        parts = parts_of(interaction)
        step = (await parts.app.looking.shown(self.duel, person(interaction.user))).view.next_step
        if step is None or not step.request:
            raise BadRequest("Nothing is offered here any more. Ask something else.")
        await parts.desk.open(order_of(interaction, step.request, private=ephemeral), interaction)

    async def _undo(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        parts = parts_of(interaction)
        shown = await parts.app.voting.undo(self.duel, person(interaction.user))
        kept(interaction, "Your vote is taken back.")
        parts.drawing.redraw(shown, Rank.COUNT)
        await edit_by_token(interaction, words_sheet("Your vote is taken back. You can vote again until the vote closes."))


class GuessButton(ui.DynamicItem[ui.Button[Any]], template=rf"g:{DUEL}:{GUESS}"):
    """An answer to the blinding question: which side does a voter take for the other technique?"""

    def __init__(self, item: ui.Button[Any], duel: str, guess: Guess) -> None:
        super().__init__(item)
        self.duel, self.guess = duel, guess

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "GuessButton":
        """Make the button anew from a click's custom id."""
        assert isinstance(item, ui.Button)
        return cls(item, match["duel"], guess_of(match["guess"]))

    async def callback(self, interaction: discord.Interaction) -> None:
        """Keep the guess of whoever clicked."""
        await guarded(interaction, self._guess(interaction))

    async def _guess(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        await parts_of(interaction).app.voting.guess(self.duel, person(interaction.user), self.guess)
        kept(interaction, "Your guess is kept.")
        await edit_by_token(interaction, receipt_sheet(self.duel, "Thank you. Your guess is kept, and your vote stands.", undo=True))


class StopButton(ui.DynamicItem[ui.Button[Any]], template=r"run:(?P<act>stop)"):
    """The button that ends the file under whose progress it stands."""

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "StopButton":
        """Make the button anew from a click's custom id."""
        assert isinstance(item, ui.Button)
        return cls(item)

    async def callback(self, interaction: discord.Interaction) -> None:
        """Stop the file, if its asker clicked."""
        await guarded(interaction, self._stop(interaction))

    async def _stop(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        assert interaction.message is not None
        await parts_of(interaction).batches.stop(str(interaction.message.id), person(interaction.user))


class JobButton(ui.DynamicItem[ui.Button[Any]], template=r"job:(?P<act>stop|on)"):
    """The button that stops the training under whose progress it stands, or has it go on; for admins."""

    def __init__(self, item: ui.Button[Any], act: str) -> None:
        super().__init__(item)
        self.act = act

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "JobButton":
        """Make the button anew from a click's custom id."""
        assert isinstance(item, ui.Button)
        return cls(item, match["act"])

    async def callback(self, interaction: discord.Interaction) -> None:
        """Stop the training or have it go on, if an admin clicked."""
        await guarded(interaction, self._click(interaction))

    async def _click(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        if not interaction.permissions.manage_guild:
            raise BadRequest("A training is stopped by a server's admins (permission Manage Server).")
        assert interaction.message is not None
        await parts_of(interaction).trainings.clicked(str(interaction.message.id), self.act)


class RematchButton(ui.DynamicItem[ui.Button[Any]], template=r"rematch:(?P<act>stop)"):
    """The button that ends the answering of past requests under which it stands; for admins."""

    @classmethod
    async def from_custom_id(cls, interaction: discord.Interaction, item: ui.Item[Any], match: Any) -> "RematchButton":
        """Make the button anew from a click's custom id."""
        assert isinstance(item, ui.Button)
        return cls(item)

    async def callback(self, interaction: discord.Interaction) -> None:
        """End it, if an admin clicked."""
        await guarded(interaction, self._stop(interaction))

    async def _stop(self, interaction: discord.Interaction) -> None:
        await nod(interaction)
        if not interaction.permissions.manage_guild:
            raise BadRequest("This is stopped by a server's admins (permission Manage Server).")
        assert interaction.message is not None
        parts_of(interaction).rematches.stop(str(interaction.message.id))
