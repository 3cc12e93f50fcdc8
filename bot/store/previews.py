"""Requests on which a recipe was tried out while it was edited: they count to limits, and are no evidence for that recipe any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.store.records import stamp
from bot.store.transaction import Queries


@dataclass(frozen=True, slots=True)
class Previewed:
    """A request on which somebody tries a recipe out."""

    asker: str
    team: str | None  # None: page, terminal and direct messages
    recipe: str  # name of the recipe
    duel: str | None  # whose request it is, and where its text is kept; None: it was typed for this
    request: str


class PreviewRows(Queries):
    """Queries on previews."""

    async def begin(self, preview: Previewed, now: datetime) -> int:
        """Keep that a request is being tried out. Returns its number."""
        request = "" if preview.duel else preview.request
        row = {"asker": preview.asker, "team": preview.team, "recipe": preview.recipe, "duel": preview.duel, "request": request}
        await self._in.insert("previews", row | {"asked_at": stamp(now), "running": 1, "usd": None})
        [found] = await self._in.rows("SELECT last_insert_rowid() AS id")
        return int(found["id"])

    async def end(self, number: int, usd: float | None) -> None:
        """Keep that it was answered, for so many US dollars; None: not known."""
        await self._in.run("UPDATE previews SET running = 0, usd = ? WHERE id = ?", (usd, number))

    async def end_all(self) -> None:
        """End what an earlier process left running."""
        await self._in.run("UPDATE previews SET running = 0 WHERE running")

    async def tried(self, recipes: Sequence[str]) -> list[tuple[str, str]]:
        """Read the requests on which these recipes were tried out, each with the name of the recipe."""
        rows = await self._in.rows(
            "SELECT DISTINCT recipe, coalesce(duels.request, previews.request) AS text FROM previews "
            f"LEFT JOIN duels ON duels.id = duel WHERE recipe IN ({', '.join('?' * len(recipes))})",
            tuple(recipes),
        )
        return [(row["text"], row["recipe"]) for row in rows if row["text"]]
