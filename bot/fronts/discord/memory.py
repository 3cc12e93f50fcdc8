"""What autocomplete offers, kept in memory: it may ask the store for nothing. Pure."""

from dataclasses import dataclass

from bot.views import DuelView, Post

REMEMBERED = 500


@dataclass(frozen=True, slots=True)
class Memory:
    """Tags and requests, the latest first."""

    tagged: tuple[tuple[str | None, str], ...] = ()  # team and tag
    asked: tuple[tuple[str, str, str], ...] = ()  # asker, duel, request of direct messages

    def plus(self, post: Post, view: DuelView) -> "Memory":
        """With one more request, at the front."""
        tagged, asked = self.tagged, self.asked
        if post.tag:
            tagged = ((post.team, post.tag), *(each for each in tagged if each != (post.team, post.tag)))[:REMEMBERED]
        if post.team is None:
            asked = ((view.asker, post.duel, view.request), *asked)[:REMEMBERED]
        return Memory(tagged, asked)

    def tags(self, team: str | None) -> list[str]:
        return [tag for of, tag in self.tagged if of == team]

    def lately(self, asker: str) -> list[tuple[str, str]]:
        return [(duel, request) for who, duel, request in self.asked if who == asker]


NOTHING = Memory()
"""Before the store was read."""
