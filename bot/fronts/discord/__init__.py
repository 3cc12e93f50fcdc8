"""The Discord front: messages, commands and buttons in; duels as components-v2 messages out.

fit       what people and models write, made fit for Discord: clean, cut, fences closed        pure
words     sentences: the reveal, the rules of a vote, failures, help                           pure
layout    a duel as a message, within Discord's limits                                         pure
export    a team's duels and ballots as files                                                  pure
repeats   what came lately: Discord repeats events; what was refused to whom                   pure
names     names for the ids in what people write
files     attached files: text by its bytes
memory    what autocomplete offers                                                             pure
pacing    one lane of edits per channel: the latest state wins, the last one lands
sending   sending and editing messages, by a token or in a channel, and what refusals mean
news      telling askers that a vote has closed
desk      duels from the request to the reveal: starts, follows, edits, heals
interactions  interactions: acknowledged first, every failure becomes words
buttons   votes, stop, close, full answers: custom ids that work for years
messages  messages: direct ones, mentions, replies
batch     files of requests, also after a restart
commands  /compare, the message menus, /new, /help
lists     /results, /history, /recipe, /adapter
evidence  /verdict
admin     /settings, /export, /forget
bot       the client: which event goes where
serve     from the settings to a connected bot, and its end
"""

from bot.fronts.discord.serve import serve

__all__ = ["serve"]
