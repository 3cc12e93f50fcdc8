"""How many transactions a request, a ballot and a close take over the real Discord front: exact, so that one more is noticed."""

from pathlib import Path

from tests.walks import walks


async def test_a_request_a_ballot_and_a_close_take_these_transactions_and_no_others(tmp_path: Path) -> None:
    taken = {walk.name: walk.transactions for walk in await walks(tmp_path)}
    # two looks of a request are for what its server has settled: which messages ask, and threads
    assert taken == {"request": (5, 4), "ballot": (0, 2), "close": (0, 2)}, "(reading, writing)"
