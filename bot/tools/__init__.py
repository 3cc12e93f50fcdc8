"""Commands of their own beside the product: they run while nobody waits for an answer.

route.py       shows and changes routes and keys without a model
exchange.py    writes a team's tables or preference pairs to files
importing.py   reads such files into an empty store, checked
seed.py        fills a store with made duels, to look at and to measure
bench.py       measures what a verdict takes as a store grows
selfcheck.py   checks the pipeline on itself: an arm against itself, a dead adapter
"""
