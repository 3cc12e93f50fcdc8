"""Prices: by device time, with energy, by dated token lists with cached tokens apart; one arm against itself as a setting."""

from pathlib import Path

import pytest

from engine.backends.base import Usage
from engine.contestants import Arm
from engine.cost import Price, account, read_token_prices
from engine.errors import SettingsError
from engine.lineup import aa_arms
from engine.settings import EngineSettings

LIST = """
source = "a price page"
date = "2026-11-01"
[[model]]
name = "some/base"
input_usd_per_million = 1.0
cached_usd_per_million = 0.1
output_usd_per_million = 4
[[model]]
name = "some/base"
adapter = true
input_usd_per_million = 2.0
cached_usd_per_million = 2.0
output_usd_per_million = 8.0
[[model]]
name = "another"
input_usd_per_million = 9
cached_usd_per_million = 9
output_usd_per_million = 9
"""
USAGE = Usage(1000, 600, 50, 0.0, 0.1, 1.0, 0.5, "server", "alone")


def test_tokens_are_priced_by_the_list_with_cached_ones_apart(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text(LIST)
    price = EngineSettings.read({"DUEL_TOKEN_PRICES": str(tmp_path / "list.toml"), "DUEL_BASE_MODEL": "some/base"}, None).price
    plain, adapted = account(USAGE, price), account(USAGE, price, adapted=True)
    assert plain.usd == pytest.approx((400 * 1 + 600 * 0.1 + 50 * 4) / 1e6)
    assert adapted.usd == pytest.approx((1000 * 2 + 50 * 8) / 1e6)
    assert (plain.basis, plain.source, plain.date) == ("token_price", "a price page", "2026-11-01")
    other = read_token_prices(tmp_path / "list.toml", "another")
    assert account(USAGE, Price(None, "", "", other), adapted=True).usd == pytest.approx(1050 * 9 / 1e6)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "not valid TOML"),
        ("source = 'a'", "need a source, a date"),
        (LIST.replace("= 4\n", "= -4\n"), "0 or more"),
        (LIST.replace("cached_usd_per_million = 0.1\n", ""), "need a source, a date"),
        (LIST.replace('"some/base"', '"other/base"'), "list no model 'some/base'"),
        (LIST.replace("adapter = true", "adaptor = true"), r"model 2 \('some/base'\) has the unknown key 'adaptor'"),
        (LIST.replace("adapter = true\n", ""), "list 'some/base' twice as the base, as model 1 and as model 2"),
        (LIST.replace('"another"', '"some/base"\nadapter = true'), "twice as the price of an adapter's answers, as model 2 and as model 3"),
        (LIST.replace("adapter = true", 'adapter = "true"'), "adapter must be true or false"),
        (LIST.replace('"another"', "9"), "model 3 has no name"),
        (LIST.replace("= 9\n", "= inf\n", 1), r"model 3 \('another'\): input_usd_per_million is inf"),
        (LIST.replace("= 9\n", "= " + "9" * 4000 + "\n", 1), "input_usd_per_million is 9999"),
        (LIST.replace("= 9\n", "= " + "9" * 5000 + "\n", 1), "a number that is too long"),
        (LIST.replace("= 9\n", "= true\n", 1), "input_usd_per_million is True"),
        ("currency = 'EUR'\n" + LIST, "unknown key 'currency' at the top"),
        (LIST.replace('source = "a price page"', "source = ' '"), "name no source"),
        (LIST.replace('date = "2026-11-01"', "date = 'last week'"), "name no date"),
        (LIST.replace('date = "2026-11-01"\n', ""), "name no date"),
        ("x = " + "[" * 2000 + "]" * 2000, "nested too deeply"),
        ("a" + ".a" * 20_000 + " = 1", "a key of more than 100 parts"),
        ("source = 'a'\ndate = 2026-11-01\nmodel = [3]", "model 1 is no table"),
        ("# " + "x" * (1 << 20), "larger than"),
    ],
)
def test_a_list_that_is_none_is_refused_in_words(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "list.toml").write_text(text)
    with pytest.raises(SettingsError, match=why):
        read_token_prices(tmp_path / "list.toml", "some/base")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_token_prices(tmp_path / "none.toml", "some/base")


def test_a_date_may_be_a_date_and_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "list.toml").write_text("\ufeff" + LIST.replace('"2026-11-01"', "2026-11-01"), encoding="utf-8")
    assert read_token_prices(tmp_path / "list.toml", "another").date == "2026-11-01"


def test_energy_is_added_to_the_device_and_named() -> None:
    given = {"DUEL_DEVICE_USD_PER_HOUR": "0.5", "DUEL_DEVICE_WATTS": "400", "DUEL_USD_PER_KWH": "0.25", "DUEL_PRICE_SOURCE": "our rack"}
    price = EngineSettings.read(given, None).price
    assert price.usd_per_hour == pytest.approx(0.6) and price.source == "our rack, with 400 W at $0.25 per kWh"
    assert account(USAGE, price).usd == pytest.approx(0.5 * 0.6 / 3600)
    assert EngineSettings.read({**given, "DUEL_USD_PER_KWH": ""}, None).price.usd_per_hour == 0.5
    assert EngineSettings.read({**given, "DUEL_DEVICE_USD_PER_HOUR": ""}, None).price.usd_per_hour is None


def test_an_arm_against_itself_is_one_arm() -> None:
    assert aa_arms("tuned") == (Arm.TUNED, Arm.TUNED)
    with pytest.raises(SettingsError, match="names 2"):
        aa_arms("tuned,plain")
    with pytest.raises(SettingsError, match="Unknown arm"):
        aa_arms("best")
