"""The Discord front: messages, commands and buttons in; duels as components-v2 messages out.

text      what people and models write, made fit for Discord: clean, cut, fences closed        pure
words     sentences: the reveal, the rules of a vote, failures, help                           pure
layout    a duel as a message, within Discord's limits                                         pure
pacing    one lane of edits per channel: the latest state wins, the last one lands
wire      sending and editing messages, by a token or in a channel
desk      duels from the request to the reveal: starts, follows, edits, heals
buttons   votes, stop, close, full answers: custom ids that work for years
talk      messages: direct ones, mentions, replies
commands  /compare and the context menus; help, new; admin and lists have files of their own
bot       the client: what is connected to what
serve     from the settings to a connected bot, and its end
"""

from bot.fronts.discord.serve import serve

__all__ = ["serve"]
