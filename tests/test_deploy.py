"""What lies in deploy/, as far as it can be told without a daemon: it is well-formed, and names only what there is."""

import configparser
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import Settings, parts
from engine.settings import PREFIX

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
COMPOSED = ("compose.yaml", "compose.vllm.yaml")


def services(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))["services"]
    return found


@pytest.mark.parametrize("name", [*sorted(path.name for path in DEPLOY.iterdir()), "../docs/operate.md", "../docs/servers.md"])
def test_every_setting_that_is_named_is_one(name: str) -> None:
    known = {name for part in parts().values() for name in part.names()}
    named = set(re.findall(rf"\b{PREFIX}[A-Z][A-Z_]*[A-Z]\b", (DEPLOY / name).read_text(encoding="utf-8")))
    assert named <= known


@pytest.mark.parametrize("name", COMPOSED)
def test_the_bot_has_no_rights_that_it_does_not_need_and_its_settings_are_read(name: str) -> None:
    bot = services(name)["duelbot"]
    assert (
        bot["read_only"]
        and bot["cap_drop"] == ["ALL"]
        and bot["user"] == "10001:10001"
        and bot["security_opt"] == ["no-new-privileges:true"]
    )
    assert all(port.startswith("127.0.0.1:") for port in bot["ports"]), "a proxy with HTTPS stands before it"
    docker = dict(re.findall(r"\b(DUEL_\w+)=(\S+)", (DEPLOY / "Dockerfile").read_text(encoding="utf-8")))
    given = docker | {key: re.sub(r"\$\{\w+:-(.*)\}", r"\1", str(value)) for key, value in bot["environment"].items()}
    settings = Settings.read({**given, "DUEL_WEB_PASSWORD": "p"}, None)
    assert settings.watch.port == 9090 and not settings.watched_on_page and settings.store.file == Path("/data/duels.sqlite3")


def test_no_secret_stands_in_a_file() -> None:
    for path in DEPLOY.iterdir():
        assert not re.search(r"^\s*(DISCORD_TOKEN|\w*(PASSWORD|KEY)):? *[=:] *\w", path.read_text(encoding="utf-8"), re.MULTILINE), path


def test_the_image_is_built_from_what_there_is_and_runs_as_nobody() -> None:
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    copied = [line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert all((ROOT / path).exists() for path in copied) and "USER 10001:10001" in lines
    sent = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")]
    assert all((ROOT / path).exists() for path in sent)
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    assert 'ENTRYPOINT ["duelbot"]' in lines and "duelbot" in scripts


def test_the_unit_ends_and_reloads_by_the_signals_that_the_bot_hears() -> None:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.read(DEPLOY / "duelbot.service", encoding="utf-8")
    service = unit["Service"]
    assert service["KillSignal"] == "SIGTERM" and "-HUP" in service["ExecReload"] and service["RestartPreventExitStatus"] == "2"


def test_the_servers_see_the_adapters_that_the_bot_keeps() -> None:
    both = services("compose.vllm.yaml")
    mounts = {name: [volume for volume in both[name]["volumes"] if ":/adapters" in volume] for name in ("duelbot", "vllm")}
    assert mounts == {"duelbot": ["./adapters:/adapters"], "vllm": ["./adapters:/adapters:ro"]}
    ray = yaml.safe_load((DEPLOY / "ray-serve-llm.yaml").read_text(encoding="utf-8"))
    [model] = ray["applications"][0]["args"]["llm_configs"]
    assert model["engine_kwargs"]["max_loras"] == model["lora_config"]["max_num_adapters_per_replica"], "Ray wants them equal"
