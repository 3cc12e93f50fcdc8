"""The settings: every name is known, explained and written down once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.settings import Settings, env_example, parts
from engine.errors import SettingsError
from engine.settings import EngineSettings

ROOT = Path(__file__).parents[2]


def read(**names: str) -> Settings:
    return Settings.read(names, env_file=None)


def test_the_shipped_example_lists_every_name_with_its_default_and_meaning() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == env_example(), "write it again: Path('.env.example').write_text(bot.settings.env_example())"
    for part in parts().values():
        for name, field in part.names().items():
            assert f"# {part.model_fields[field].description}\n#{name}=" in text


def test_the_example_uncommented_reads_as_the_defaults(tmp_path: Path) -> None:
    lines = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    chosen = tmp_path / ".env"
    chosen.write_text("\n".join(line.removeprefix("#") for line in lines if line.startswith("#DUEL_")))
    assert Settings.read({}, chosen) == Settings()


@pytest.mark.parametrize("name", ["DUEL_COLOUR", "DUEL_WEB_PROT", "DUEL_STORE", "DUEL_WEB_"])
def test_an_unknown_name_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(SettingsError, match=rf"Unknown setting: {name}\. .*\.env\.example"):
        read(**{name: "1"})


def test_every_field_has_a_name_of_its_own_outside() -> None:
    names = [name for part in parts().values() for name in part.names()]
    assert len(names) == len(set(names))
    assert all(name.startswith("DUEL_") or name == "DISCORD_TOKEN" for name in names)


def test_the_engine_alone_takes_every_name_of_the_bot_and_reads_its_own() -> None:
    names = [name for part in parts().values() for name in part.names()]
    others = {name: "not looked at" for name in names if name not in EngineSettings.names()}
    assert EngineSettings.read(others | {"DUEL_THREADS": "2"}, env_file=None) == EngineSettings(threads=2)


def test_the_engine_alone_knows_the_names_of_the_bot_without_having_loaded_it(tmp_path: Path) -> None:
    """Each in a process of its own: what this one has imported says nothing."""
    (tmp_path / ".env").write_text("DUEL_DISCORD_QUORUM=4\nDISCORD_TOKEN=x\nDUEL_REPLAYS=false\n")
    program = "import sys; from engine.settings import EngineSettings; EngineSettings.read(); print('bot.settings' in sys.modules)"
    for more, status, said in (("", 0, "True"), ("DUEL_DISCORD_QUROUM=4\n", 1, "Did you mean DUEL_DISCORD_QUORUM?")):
        with (tmp_path / ".env").open("a") as file:
            file.write(more)
        ended = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (ended.returncode, said in ended.stdout + ended.stderr) == (status, True), ended.stderr


def test_no_part_of_the_bot_is_named_in_the_engines_settings() -> None:
    words = (ROOT / "engine" / "settings.py").read_text(encoding="utf-8").casefold()
    assert not [word for word in ("discord", "web_", "store_", "verdict_", "team_", "replay") if word in words]


def test_settings_are_made_and_changed_by_the_names_of_the_environment_in_lower_case() -> None:
    chosen = Settings.of(store_path="x", discord_server_in_flight=2, replays=False, discord_token="t", team_wage_usd_per_hour=None)
    assert (chosen.store.path, chosen.limits.team_in_flight, chosen.replays.on) == ("x", 2, False)
    assert chosen.but(aa="plain").engine.aa == "plain" and chosen.but(aa="plain").store == chosen.store
    with pytest.raises(SettingsError, match="DUEL_DISCORD_QUORUM is 0"):
        chosen.but(discord_quorum=0)
    with pytest.raises(SettingsError, match="Unknown setting: colour"):
        Settings.of(colour="red")


@pytest.mark.parametrize("port", ["0", "65536", "http", ""])
def test_a_port_that_is_none_is_refused_by_name(port: str) -> None:
    with pytest.raises(SettingsError, match="DUEL_WEB_PORT"):
        read(DUEL_WEB_PORT=port)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "duel.example.org", "localhost.example.org"])
def test_a_page_that_others_can_reach_demands_a_password(host: str) -> None:
    with pytest.raises(SettingsError, match="DUEL_WEB_PASSWORD"):
        read(DUEL_WEB_HOST=host)
    assert not read(DUEL_WEB_HOST=host, DUEL_WEB_PASSWORD="secret").web.loopback


def test_a_public_address_demands_a_password_like_a_host_that_others_reach() -> None:
    with pytest.raises(SettingsError, match=r"DUEL_WEB_PUBLIC_URL is .*, which others can reach: set DUEL_WEB_PASSWORD"):
        read(DUEL_WEB_PUBLIC_URL="https://duels.example")
    public = read(DUEL_WEB_PUBLIC_URL="https://duels.example/team/", DUEL_WEB_PASSWORD="secret").web.public
    assert public and public.url == "https://duels.example/team"
    assert read(DUEL_WEB_PUBLIC_URL="https://localhost:8443").web.public and read().web.public is None


def test_addresses_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(SettingsError, match=r"DUEL_WEB_PUBLIC_URL is 'duels.example': it must be a whole address"):
        read(DUEL_WEB_PUBLIC_URL="duels.example", DUEL_WEB_PASSWORD="secret")
    with pytest.raises(SettingsError, match=r"DUEL_WEB_TRUSTED_PROXIES is '10.0.0.0/8, proxy': 'proxy' is no address"):
        read(DUEL_WEB_TRUSTED_PROXIES="10.0.0.0/8, proxy")
    assert read(DUEL_WEB_TRUSTED_PROXIES="127.0.0.1").web.trusted == ("127.0.0.1/32", "::ffff:127.0.0.1/128")


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost", "LOCALHOST"])
def test_a_page_for_this_machine_alone_needs_none(host: str) -> None:
    assert read(DUEL_WEB_HOST=host).web.loopback


def test_the_password_is_not_shown_by_printing_the_settings() -> None:
    assert "hunter2" not in repr(read(DUEL_WEB_PASSWORD="hunter2"))


def test_the_store_lies_in_the_users_data_folder_unless_told_otherwise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read().store.file.name == "duels.sqlite3"
    assert tmp_path in read().store.file.parents
    assert read(DUEL_STORE_PATH="~/votes.db").store.file == tmp_path / "votes.db"
    assert read(DUEL_STORE_PATH="votes.db").store.file == Path.cwd() / "votes.db"
