"""What the ballots prove: pure functions from closed duels to a verdict. numpy and scipy; no clock, no store, no global random.

bets -> capital -> duels -> decision -> forecast, robustness, diagnostics, pooling, ranking
latency, breakeven -> card
simulate: how often all this is wrong
"""
