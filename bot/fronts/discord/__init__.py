"""The Discord front: messages, commands and buttons in; duels as components-v2 messages out.

fit            what people and models write, made fit for Discord: clean, cut, fences closed        pure
words          sentences: the reveal, the rules of a vote, failures, help                           pure
layout         a duel as a message, within Discord's limits                                         pure
batch_rows     which files hold requests                                                            pure
periods        periods that a command can be narrowed to
repeats        what came lately: Discord repeats events, people repeat what is refused              pure
names          names for the ids in what people write
files          attached files: text by its bytes
pictures       a verdict's pictures under words
allowance      how many requests Discord takes in how many seconds                                  pure
timing         when the edits of a lane may go                                                      pure
lane           the edits of one channel or token, in the order of who waits for them
pacing         all lanes: the latest state of a message wins, the last one lands
sending        sending and editing messages, by a token or in a channel, and what refusals mean
gateway        events that discord.py cannot read are left out
tokens         the tokens of interactions, which end after a quarter of an hour
leaving        the end of the process: nobody who is being answered is cut off
memory         what autocomplete offers
news           telling askers that a vote has closed
scenes         what a duel's message shows now
delivery       how it reaches Discord: by a token, else in the channel
unshown        duels whose messages cannot be shown as they should be
drawing        each message is drawn anew from the store
following      duels while they are answered
upkeep         what people, other fronts and earlier processes have done to messages
desk           duels from the request to the reveal: opens them, looks after them, leaves
progress       the message of a file of requests
batch          files of requests, also after a restart
trainings      the messages of trainings, each edited as it goes on
rematches      the messages of past requests that a new version answers again
parts          all of these, as handlers get them
interactions   interactions: acknowledged first, every failure becomes words
orders         requests that came by interactions
offers         autocomplete
messages       messages: direct ones, mentions, replies
buttons        votes, stop, close, full answers: custom ids that work for years
share          the duel share, as /settings sees and changes it
commands/      the slash commands and the menus of messages
bot            the client: which event goes where
serve          from the settings to a connected bot, and its end
"""

from bot.fronts.discord.serve import serve

__all__ = ["serve"]
