"""From the settings to a connected bot, and its end."""

import asyncio
import sys

import aiohttp
import discord

from bot.app import App
from bot.fronts.discord.bot import DuelBot
from bot.settings import Settings
from engine.errors import SettingsError

PORTAL = "https://discord.com/developers/applications"
CLOSE_S = 9.0


async def serve(app: App, settings: Settings) -> None:
    """Connect, and stay so until cancelled. Raises SettingsError when Discord refuses the token or the intent."""
    bot = DuelBot(app, settings)
    try:
        await bot.start(settings.discord_token.get_secret_value().strip())
    except discord.LoginFailure:
        raise SettingsError(
            f"Discord refuses DISCORD_TOKEN. Copy the bot's token again from {PORTAL}, page Bot, button Reset Token."
        ) from None
    except discord.PrivilegedIntentsRequired:
        raise SettingsError(
            f"DUEL_DISCORD_CONTENT_INTENT is on, but the Message Content Intent is off in Discord: switch it on at {PORTAL}, "
            "page Bot, heading Privileged Gateway Intents, or set DUEL_DISCORD_CONTENT_INTENT=false."
        ) from None
    except (aiohttp.ClientError, OSError, discord.DiscordServerError) as error:
        raise SettingsError(f"Discord cannot be reached ({type(error).__name__}: {error}). Check the network, then start again.") from error
    finally:
        await _close(bot)


async def _close(bot: DuelBot) -> None:
    """Whatever happens, the process is not held up."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await bot.close()
    except TimeoutError:
        sys.stderr.write("Discord did not let go in time; the connection is dropped.\n")
