"""The statistics: pure functions from closed duels to a decision. numpy and scipy; no clock, no store, no global random.

units.py        which requests are the same one
duels.py        a closed duel becomes one score for a pair, or has a reason to be left out
bets.py         the bets, their sizes, the margin and the error rate
capital.py      the capital of a pair: its confidence sequence and the claims behind a decision
record.py       scores whose order does not matter
decision.py     first, second, equal, keep collecting, changed
versions.py     how an error rate is shared by versions tried one after the other
forecast.py     how many further requests a decision may take
robustness.py   whether it stands without a voter or the loudest requests
diagnostics.py  whether the vote itself is sound
pooling.py      shares by tag
ranking.py      all contestants against each other
latency.py      quantiles of times with their intervals
breakeven.py    when a fine-tune has paid for itself
figure.py       a figure as a value: label, kind, value, interval, and why there is none
card.py         the decision card: eight aspects with both sides' figures
change.py       what would change a verdict
simulate.py     how often all this is wrong
"""
