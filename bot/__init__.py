"""People: they ask, vote and read the verdict. A file imports only what stands above it, here and in each folder's own map.

errors.py     what can go wrong around people and their ballots
installed.py  whether the installation has all its files
address.py    hosts, origins, the page's public address, networks of proxies
serving.py    what all servers of HTTP share: a bound socket, patience, uvicorn beside others
margins.py    the margins of a verdict, as settings, evidence and simulation share them
settings.py   what can be set, a class for each part
tags.py       what a request is about: said by the asker, or guessed by the team's rules
ballots.py    what a person may choose, and what follows from it
routes.py     which requests become duels, and who answers the others
who.py        who a contestant is, for those who count and show its duels
picks.py      who meets, as a person picks it by name
views.py      all that a front may hold; blind until the close
words.py      one voice: arms, states, choices, counts, seconds, dollars
cells.py      a value as a cell of a CSV file, and back
meters.py     figures for whoever runs it: counters, gauges, histograms
logs.py       what is logged, for people or programs; never a request's text nor a secret
signals.py    what the process is told by signals, on systems that have few of them as well
seal.py       the end of an export: counts of rows, and a digest of what they say
evidence/     what the ballots prove: the statistics, pure
verdict/      closed duels folded into a ledger, and a ledger judged
charts/       pictures of a verdict
store/        one SQLite file, and all of the product's SQL; migrations/ holds its schema
evaluation/   rows with references, answered by each arm and scored without votes
deciding/     from a file of examples to a decision: both crafts at their best, measured
app/          the use cases: asking, voting, looking; what fronts call
fronts/       terminal, web page, Discord, endpoint: they render what the app says, and hand on what people do
tools/        commands beside the product: out, in, made-up teams, measures
api.py        the bot for programs: the names that docs/api.md promises
cli.py        the verbs beside the fronts, each for people and with --json for programs
arguments.py  the command line of python -m bot: every verb with its flags and examples
__main__.py   python -m bot: the page, Discord and the chat, from their start to their end
duelbot.py    duelbot: one command for the verbs of all three packages
"""
