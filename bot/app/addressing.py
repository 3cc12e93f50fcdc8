"""Which messages in a server ask, and which only talk: people discuss answers by replying to them, and that costs no duel. Pure."""

from dataclasses import dataclass

from bot.views import TeamSettings


@dataclass(frozen=True, slots=True)
class Addressed:
    """How a message in a server turns to the bot."""

    mentioned: bool = False  # it names the bot, or the bot's role, in its own words
    by_name: bool = False  # it begins with the bot's name, typed out
    answers_bot: bool = False  # it replies to a message of the bot
    answers_other: bool = False  # it replies to somebody else's
    to_others: bool = False  # it begins with a mention of somebody else
    own_thread: bool = False  # it stands in a thread that the bot opened, and the bot can read it


def asks(how: Addressed, settled: TeamSettings) -> bool:
    """Whether a message is a request.

    A mention is; so is a reply that begins with the bot's name, and whatever people say in a thread that was opened for their request,
    unless they say it to one another. Other replies to the bot are where the team has settled so.
    """
    if how.mentioned:
        return True
    if how.answers_bot:
        return how.by_name or how.own_thread or settled.replies
    return how.own_thread and not how.answers_other and not how.to_others


def begins_with_name(text: str, names: tuple[str, ...]) -> str:
    """Return the beginning of a text that is one of these names, with what parts it from the rest; "" where it is none."""
    said = text.lstrip()
    for name in sorted(filter(str.strip, names), key=len, reverse=True):
        rest = said[len(name) :]
        if said[: len(name)].casefold() == name.casefold() and (not rest or not (rest[0].isalnum() or rest[0] in "_'’-")):
            return text[: len(text) - len(rest.lstrip(" \t,:;.!?…–—"))]
    return ""
