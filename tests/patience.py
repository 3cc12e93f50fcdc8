"""How long tests wait for what ought to come at once: every limit of wall clock in them is a call of `patient`."""

import os

BESIDE_OTHERS = "PYTEST_XDIST_WORKER" in os.environ
FACTOR = float(os.environ.get("TEST_PATIENCE") or (2 if BESIDE_OTHERS else 1))  # 1: a quiet machine with nothing beside


def patient(seconds: float) -> float:
    """Return the seconds that this machine may take for what a quiet one does in so many."""
    return seconds * FACTOR
