"""The statistics: pure functions from closed duels to a decision. numpy and scipy; no clock, no store, no global random.

units.py        which requests are the same one: the unit of evidence
bets.py         what each score does to the capital of a bettor who doubts a candidate mean
capital.py      what all bettors of one pair hold after each score; the confidence sequence
duels.py        a closed duel as one score for a pair, and what does not enter, by reason
record.py       scores whose order does not matter: of one tag, of one diagnostic
versions.py     the error rate that the t-th version of one craft may use
decision.py     the decision for a pair from its capital, at whatever moment the team looks
watch.py        whether the duels since a winner answers alone speak against it
figure.py       a figure as a value: its name, its kind, and why it is not known
latency.py      quantiles with bootstrap intervals
breakeven.py    after how many answers a fine-tune has paid for itself
forecast.py     how many more duels a decision will take
robustness.py   the decision without any one voter, and without the loudest duels
diagnostics.py  position, length, blinding, ties: whether the vote itself is sound
pooling.py      win shares per tag, the small ones leaning on the others
ranking.py      strengths for a leader board; for display alone
card.py         the decision card: eight aspects with both sides' figures
change.py       what would change the decision
simulate.py     how often all this is wrong, over many made-up teams
routed.py       what answering with the winner costs, and how soon a change is seen, over many made-up teams
"""
