"""A small discord.py bot, to prove the loopback with: one command, one button, one menu, whatever a test adds."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import discord
from discord import app_commands, ui

from tests.loopback.redirected import redirect_discord
from tests.loopback.server import TOKEN, Loopback

Handler = Callable[..., Awaitable[None]]


class Card(ui.LayoutView):
    """A text and a button in a container."""

    def __init__(self, text: str, label: str = "Press") -> None:
        super().__init__(timeout=None)
        button: ui.Button[Card] = ui.Button(label=label, custom_id=f"card:{label}")
        self.add_item(ui.Container(ui.TextDisplay(text), ui.ActionRow(button)))


class SmallBot(discord.AutoShardedClient):
    """Everything it hears is kept; what it does is what a test put into `handlers`."""

    def __init__(self, handlers: dict[str, Handler], tell: Callable[[], None], **options: Any) -> None:
        super().__init__(intents=options.pop("intents", discord.Intents.default()), **options)
        self.tree = app_commands.CommandTree(self)
        self.handlers = handlers
        self.tell = tell
        self.heard: list[discord.Message] = []
        self.resumed = 0

    async def setup_hook(self) -> None:
        @self.tree.command(name="ask", description="Ask something")
        @app_commands.describe(text="What to ask", file="More of it")
        async def ask(interaction: discord.Interaction, text: str, file: discord.Attachment | None = None) -> None:
            await self.handlers["ask"](interaction, text, file)

        @ask.autocomplete("text")
        async def propose(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
            return [app_commands.Choice(name=f"{typed} {word}", value=word) for word in ("one", "two")]

        @self.tree.context_menu(name="Take this")
        async def take(interaction: discord.Interaction, message: discord.Message) -> None:
            await interaction.response.send_message(f"taken: {message.content}", ephemeral=True)

        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """No 5 s between shards here."""

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)
        self.tell()
        if "message" in self.handlers and not message.author.bot:
            await self.handlers["message"](message)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.component:
            await self.handlers["press"](interaction)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self.resumed += 1


@asynccontextmanager
async def small_bot(loopback: Loopback, handlers: dict[str, Handler], **options: Any) -> AsyncGenerator[SmallBot, None]:
    """Connected, in this process."""
    put_back = redirect_discord(loopback.address)
    bot = SmallBot(handlers, loopback.world.changes.tell, **options)
    running = asyncio.create_task(bot.start(TOKEN))
    running.add_done_callback(lambda _: loopback.world.changes.tell())
    try:
        await loopback.world.changes.until(
            lambda: len(loopback.gateway.connected) == loopback.gateway.shards or running.done(), "a connection of every shard"
        )
        assert not running.done(), running.exception()
        yield bot
    finally:
        await bot.close()
        await asyncio.gather(running, return_exceptions=True)
        put_back()
