"""A small Discord on 127.0.0.1 for what only sockets show: the unmodified bot connects to it in its own process.

async with Loopback.open() as discord:
    ada = Person(discord, "Ada")
    team = discord.world.guild("Team", ada.user)
    general = discord.world.channel(team, "general")
    async with bot_process(discord, folder) as bot:
        asked = await ada.mention(general, "Fine-tune or not?")
        duel = await ada.sees(general, lambda note: "A better" in note.labels)
"""

from tests.loopback.actors import Person
from tests.loopback.launch import BotProcess, bot_process
from tests.loopback.server import TOKEN, Loopback

__all__ = ["TOKEN", "BotProcess", "Loopback", "Person", "bot_process"]
