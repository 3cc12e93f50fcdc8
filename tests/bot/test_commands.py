"""The commands beside the fronts, as people call them."""

import json

import pytest

from bot.__main__ import main


def test_the_simulation_prints_one_json_object_with_its_keys(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["simulate", "--quick", "--json"]) == 0
    out, err = capsys.readouterr()
    table = json.loads(out)
    assert table["null_1_voter"] <= 0.05 and table["null_5_voters"] <= 0.05 and table["coverage"] >= 0.95
    assert 35 <= table["winner_70"] <= 50 and 90 <= table["equal_50"] <= 110 and table["direction_right"] >= 0.99
    assert "null_1_voter" in err  # progress, beside the result


def test_the_growth_of_a_verdict_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench", "--sizes", "60,120", "--json"]) == 0
    small, large = json.loads(capsys.readouterr().out)
    assert (small["duels"], large["ballots"]) == (60, 600) and all(value > 0 for value in large.values())
    assert main(["bench", "--sizes", "30"]) == 0
    assert "rebuild" in capsys.readouterr().out
