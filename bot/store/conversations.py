"""Conversations: what was said before their first request, and which one goes on in a direct message."""

import json
from collections.abc import Sequence
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries
from engine.request import Turn


class ConversationRows(Queries):
    """Queries on conversations."""

    async def start(self, conversation: str, now: datetime) -> None:
        """Write a new conversation, which has no duels yet."""
        await self._in.insert("conversations", {"id": conversation, "started_at": stamp(now)})

    async def prologue(self, conversation: str) -> tuple[Turn, ...]:
        """Read what was said before the conversation's first request."""
        rows = await self._in.rows("SELECT turns FROM prologues WHERE conversation = ?", (conversation,))
        return tuple(Turn(role, text) for role, text in json.loads(rows[0]["turns"])) if rows else ()

    async def begin_with(self, conversation: str, turns: Sequence[Turn]) -> None:
        """Write what was said before the conversation's first request."""
        said = json.dumps([[turn.role, turn.text] for turn in turns], ensure_ascii=False)
        await self._in.insert("prologues", {"conversation": conversation, "turns": said})

    async def rolling(self, channel: str) -> str | None:
        """Read which conversation the channel's next request goes on with; None: it begins a new one."""
        rows = await self._in.rows("SELECT conversation FROM rolling WHERE channel = ?", (channel,))
        return rows[0]["conversation"] if rows else None

    async def roll(self, channel: str, conversation: str | None) -> None:
        """Have the channel's next request go on with this conversation; None: begin a new one."""
        await self._in.run("DELETE FROM rolling WHERE channel = ?", (channel,))
        if conversation:
            await self._in.insert("rolling", {"channel": channel, "conversation": conversation})

    async def decided(self) -> list[str]:
        """List the conversations in which a vote has closed, by their ids."""
        sql = "SELECT DISTINCT conversation FROM duels WHERE state = 'closed' ORDER BY conversation"
        return [row["conversation"] for row in await self._in.rows(sql)]
