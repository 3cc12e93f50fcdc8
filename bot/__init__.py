"""People: they ask, vote and read the verdict. A file imports only what stands above it, here and in each folder's own map.

errors.py     what can go wrong around people and their ballots
address.py    hosts, origins, the page's public address, networks of proxies
margins.py    the defaults that settings, evidence and simulation share
settings.py   what the bot can be told from outside
tags.py       what a request is about: said by the asker, or guessed by the team's rules
ballots.py    what a person may choose, and what follows from it
seal.py       the end of an export: counts of rows, and a digest of what they say
arguments.py  the command line: every verb with its flags and examples
cells.py      a value as a cell of a CSV file, and back
installed.py  whether an installation is whole
duelbot.py    the command duelbot: every verb of the three packages
who.py        a contestant, named by its parts and known by its id
views.py      what a front may show: a duel as one viewer sees it, blind until the close
words.py      arms, states, choices, counts, seconds and dollars in words: one voice for everything below
evidence/     what the ballots prove: the statistics, pure
verdict/      closed duels folded into a ledger, and a ledger judged
charts/       pictures of a verdict
store/        one SQLite file, and all of the product's SQL; migrations/ holds its schema
evaluation/   rows with references, answered by each arm and scored without votes
app/          the use cases: asking, voting, looking; what fronts call
fronts/       terminal, web page, Discord: they render what the app says, and hand on what people do
tools/        commands beside the product: out, in, made-up teams, measures
api.py        names for programs
cli.py        the verbs beside the fronts, each for people and with --json for programs
"""
