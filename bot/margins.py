"""The margins of a verdict: the defaults that settings, evidence and simulation share."""

DELTA = 0.15  # shares within 1/2 +- DELTA are called practically equal
ALPHA = 0.05  # error rate of the whole sequence of looks
