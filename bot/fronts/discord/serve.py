"""From the settings to a connected bot, and its end."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import aiohttp
import discord

from bot.app import App
from bot.fronts.discord.bot import DuelBot
from bot.settings import Settings
from engine.errors import DuelbotError, SettingsError

PORTAL = "https://discord.com/developers/applications"
CLOSE_S = 9.0  # seconds for the end of a connection
FIRST_WAIT_S = 5.0  # seconds before the second attempt to reach Discord; doubled for each further one
MOST_WAIT_S = 300.0  # seconds between attempts at most; more than 1,000 starts a day, and Discord resets the token
UNREACHABLE = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError, discord.GatewayNotFound, discord.RateLimited)
log = logging.getLogger(__name__)


async def serve(
    app: App,
    settings: Settings,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Connect, and stay so until cancelled. While Discord cannot be reached the other fronts go on, and it is tried again.

    So it is after whatever else ends the connection, such as a frame of the gateway that nobody can read. Raises SettingsError when
    Discord refuses the token or the intent, StoreError when the store fails.
    """
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False  # nobody misses voice here
    wait_s = FIRST_WAIT_S
    while True:
        began = now()
        try:
            return await _run(app, settings)
        except UNREACHABLE as error:
            said, bug = f"Discord cannot be reached ({type(error).__name__}: {error}).", None
        except DuelbotError:
            raise
        except Exception as error:
            said, bug = "The connection to Discord broke off.", error
        if now() - began > MOST_WAIT_S:  # it held for a while, so this is another trouble than the last
            wait_s = FIRST_WAIT_S
        log.log(logging.ERROR if bug else logging.WARNING, "%s Trying again in %g s.", said, wait_s, exc_info=bug)
        await sleep(wait_s)
        wait_s = min(2 * wait_s, MOST_WAIT_S)


async def _run(app: App, settings: Settings) -> None:
    bot = DuelBot(app, settings)
    try:
        await bot.start(settings.discord.token.get_secret_value().strip())
    except discord.LoginFailure:
        raise SettingsError(
            f"Discord refuses DISCORD_TOKEN. Copy the bot's token again from {PORTAL}, page Bot, button Reset Token."
        ) from None
    except discord.PrivilegedIntentsRequired:
        raise SettingsError(
            f"DUEL_DISCORD_CONTENT_INTENT is on, but the Message Content Intent is off in Discord: switch it on at {PORTAL}, "
            "page Bot, heading Privileged Gateway Intents, or set DUEL_DISCORD_CONTENT_INTENT=false."
        ) from None
    except discord.ConnectionClosed as error:
        raise SettingsError(f"Discord closed the connection for good (code {error.code}). Check the bot's token at {PORTAL}.") from error
    finally:
        await _close(bot)


async def _close(bot: DuelBot) -> None:
    """Close the bot, but hold up the process for CLOSE_S at most."""
    try:
        async with asyncio.timeout(CLOSE_S):
            await bot.close()
    except TimeoutError:
        log.warning("Discord did not let go in time; the connection is dropped")
