"""An evaluation set: rows with references answered by each arm and scored without votes. It stands beside the votes, never in them."""
