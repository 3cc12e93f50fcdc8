"""A stage for the Discord front's tests: the real bot over a real App and store, on simcord's Discord within the process."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import discord
import simcord
from simcord.components import walk_components

from bot.app import App
from bot.app.progress import Signal
from bot.fronts.discord.bot import DuelBot
from bot.fronts.discord.pacing import Pacer
from bot.settings import Settings
from engine.backends.base import NOBODY, Chunk, Party, Prompt, Stop
from engine.backends.scripted import Script, ScriptedBackend
from engine.lineup import Lineup
from tests.bot.scripted import Coin, lineup_over, two_answers
from tests.patience import patient

SETTLE_S = patient(5.0)  # seconds that a step of a test may take to settle
LOOK_S = SETTLE_S + 2.0  # seconds between two looks at work that goes on: simcord waits in real time for timers shorter than its settling


def said_by(components: list[dict[str, Any]]) -> str:
    parts = []
    for component in walk_components(components):
        if component.get("type") == 10:
            parts.append(component["content"])
        elif component.get("type") == 2:
            parts.append(f"[{component['label']}]")
    return "\n".join(parts)


class Parked(asyncio.Event):
    """An event whose waiters wait outside."""

    def __init__(self, env: Callable[[], simcord.Env | None]) -> None:
        super().__init__()
        self._env = env

    async def wait(self) -> Any:
        if self.is_set() or (env := self._env()) is None:
            return await super().wait()
        plain = asyncio.Event.wait(self)
        task = asyncio.current_task()
        if task in env._work.tasks and task not in env._work.external_waits:
            return await env.external_wait(plain, reason="a duel's next change")
        return await plain


class GatedBackend(ScriptedBackend):
    """Before the piece "|", which is not said, an answer waits for the gate."""

    def __init__(self, script: Callable[[Prompt], Script], gate: Parked) -> None:
        super().__init__(script)
        self.gate = gate
        self.open = False

    async def generate(self, prompt: Prompt, stop: Stop, party: Party = NOBODY) -> AsyncGenerator[Chunk, None]:
        async with aclosing(super().generate(prompt, stop, party)) as chunks:
            async for chunk in chunks:
                if chunk.text == "|":
                    await self._wait(stop)
                else:
                    yield chunk

    async def _wait(self, stop: Stop) -> None:
        """Like a model, it looks at the stop flag between its steps."""
        while not self.open and not stop.raised:
            await self.gate.wait()

    def release(self) -> None:
        """Let all answers go on, now and later."""
        self.open = True
        self.gate.set()


@dataclass
class ShiftedClock:
    """The app's clock."""

    ahead: timedelta = timedelta(0)  # of the machine's clock

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Stage:
    """What a test acts on. The prompted side always sits left."""

    env: simcord.Env
    bot: DuelBot
    app: App
    backend: GatedBackend
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    clock: ShiftedClock

    def member(self, name: str, **options: Any) -> simcord.MemberActor:
        return self.guild.add_member(self.env.create_user(name), **options)

    def shown(self, message: Any) -> str:
        """All that a message says, line by line, buttons in brackets."""
        stored = self.env.backend.get_message(message.channel_id if hasattr(message, "channel_id") else message.channel.id, message.id)
        return said_by(stored.components) or stored.content

    def told(self, result: Any) -> str:
        """What only whoever ran a command was told: a refusal, which leaves nothing in the channel."""
        assert result.response is None, self.shown(result.response)
        [refusal] = result.followups
        assert refusal.ephemeral
        return self.shown(refusal)

    def texts(self, channel: simcord.ChannelHandle | None = None) -> list[str]:
        """All messages of a channel, as `shown`."""
        return [self.shown(message) for message in (channel or self.channel).history()]

    def custom_ids(self, message: Any) -> list[str]:
        stored = self.env.backend.get_message(message.channel.id, message.id)
        return [each["custom_id"] for each in walk_components(stored.components) if "custom_id" in each]

    @property
    def mention(self) -> str:
        assert self.bot.user is not None
        return self.bot.user.mention

    def last(self, channel: simcord.ChannelHandle | None = None) -> Any:
        message = (channel or self.channel).last_message
        assert message is not None, "nothing was written"
        return message


@asynccontextmanager
async def staged(folder: Path, script: Callable[[Prompt], Script] = two_answers, **names: Any) -> AsyncIterator[Stage]:
    """Open everything; names are settings."""
    here: list[simcord.Env] = []
    clock = ShiftedClock()

    class ParkedSignal(Signal):
        def __init__(self) -> None:
            self.event = Parked(lambda: here[0] if here else None)

        def wake(self) -> None:
            self.event.set()
            self.event = Parked(lambda: here[0] if here else None)

    backend = GatedBackend(script, Parked(lambda: here[0] if here else None))

    async def open_lineup() -> Lineup:
        return lineup_over(backend, settings.engine)

    settings = Settings.of(store_path=str(folder / "duels.sqlite3"), **{"discord_blinding_share": 0.0, "base_model": "demo", **names})

    def stop_is_seen(self: Stop) -> None:
        self._raised = True
        backend.gate.set()
        backend.gate.clear()

    with (
        patch("bot.app.progress.Signal", ParkedSignal),
        patch("bot.app.jobs.Signal", ParkedSignal),
        patch("bot.fronts.discord.trainings.POLL_S", LOOK_S),
        patch("bot.fronts.discord.rematches.POLL_S", LOOK_S),
        patch.object(Stop, "raise_", stop_is_seen),
    ):
        async with App.open(settings, open_lineup, rng=Coin(True), now=clock.now) as app:
            await app.model_settled()
            pacer = Pacer()
            pacer.hurry()
            bot = DuelBot(app, settings, pacer=pacer, shard_count=1)
            async with simcord.run(bot, settle_timeout=SETTLE_S) as env:
                here.append(env)
                guild = env.create_guild()
                yield Stage(env, bot, app, backend, guild, guild.create_text_channel("general"), clock)


async def looks(stage: Stage) -> None:
    """Let the time between two looks pass."""
    await stage.env.advance_time(LOOK_S + 1)


def calls(stage: Stage, method: str, part: str) -> list[Any]:
    return [call for call in stage.env.http_requests if call.method == method and part in call.path]


async def voted(stage: Stage, who: Any, request: str, label: str, **options: Any) -> Any:
    """Ask by /compare, vote by this button, and return the duel's message."""
    result = await who.slash(stage.channel, "compare", request=request, **options)
    await who.click(result.response, label=label)
    return result.response


def texts_in(stage: Stage, response: Any) -> dict[str, str]:
    """The files of an answer by name, as text."""
    stored = stage.env.backend.get_message(response.channel_id, response.id)
    return {each["filename"]: (stage.env.backend.cdn.get(each["url"]) or b"").decode("utf-8-sig") for each in stored.attachments}


def admin(stage: Stage) -> Any:
    """Make a member who may change the server's settings."""
    return stage.member("boss", roles=[stage.guild.create_role("admins", permissions=discord.Permissions(manage_guild=True))])
