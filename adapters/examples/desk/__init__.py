"""The recipe and the adapter desk, which meet on smollm2: made from examples/tickets.csv by `duelbot decide`. LOG.md keeps all runs."""
