"""A request in, an answer from each arm out. Knows no vote, no platform, no SQL.

errors.py       the error tree; every error is a sentence for people
named.py        a name and a version as one value
parsing.py      JSON and TOML that people wrote, read strictly; a table checked against a dataclass
patterns.py     regular expressions that people wrote, with a time limit
folders.py      the way out of a folder of another kind
plain_lora.py   the options and tensors that leave the base alone
printable.py    text from elsewhere made safe for a terminal
request.py      a checked request, with the conversation before it
rows.py         the one reader of rows: JSON lines, JSON array or CSV
recipes.py      prompt engineering as data; who says what. recipes/: house.toml and plain.toml, which ship
card.py         the adapter's card: its form, its one reader and writer, its check
trained_on.py   digests of the requests that an adapter saw in training: read and written
contestants.py  ways to answer, pinned down and hashed; an adapter folder opened
kit.py          all that a team has, by names and versions; any two of it can meet
backends/       base.py: the seam; scripted.py: canned replies; local/: a model in this process
cost.py         seconds and dollars: an account after, an estimate before
shipped.py      where the demo lies. models/: the base model that ships
settings.py     settings of a part as a class; the engine's; names of all parts checked
duel.py         both sides at once, seeds, the time limit, the pace of showing
lineup.py       from settings to a backend with its kit, proven fit to duel
ask.py          rows answered by any arms, without votes
bench.py        speed and memory against the naive way
report.py       outcomes as JSON and in words: seconds, dollars, tokens
commandline.py  what the three commands have in common: verbs, flags, exit status
__main__.py     python -m engine ask | bench
"""
