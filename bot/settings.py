"""What the bot can be told from outside: the engine's names, and its own for the page and the store."""

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar, TypeVar

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from engine.errors import SettingsError
from engine.settings import PREFIX, EngineSettings

S = TypeVar("S", bound="Settings")


class Settings(EngineSettings):
    """All names of the product. No name is left to others: an unknown DUEL_ name is an error."""

    others: ClassVar[tuple[str, ...]] = ()

    web_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the page listens on. Any but this machine's own demands DUEL_WEB_PASSWORD."
    )
    web_port: int = Field(8080, ge=1, le=65535, description="Port of the page.")
    web_password: SecretStr = Field(SecretStr(""), description="Password of the page; empty: none, for this machine alone.")
    store_path: str = Field(
        "", description="File that keeps conversations, answers and ballots. Empty: duels.sqlite3 in the user's data folder."
    )

    @property
    def store_file(self) -> Path:
        """Where the store is, spelled out."""
        if self.store_path:
            return Path(self.store_path).expanduser().absolute()
        return user_data_path("duelbot", appauthor=False) / "duels.sqlite3"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        try:
            return ip_address(self.web_host.strip("[]")).is_loopback
        except ValueError:
            return self.web_host.lower() == "localhost"

    @classmethod
    def read(cls: type[S], environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> S:
        """As the engine's; and a page that others can reach needs a password. Raises SettingsError."""
        settings = super().read(environ, env_file)
        if not settings.loopback and not settings.web_password.get_secret_value():
            raise SettingsError(
                f"DUEL_WEB_HOST is {settings.web_host!r}, which others can reach: set DUEL_WEB_PASSWORD, or DUEL_WEB_HOST=127.0.0.1."
            )
        return settings


def env_example() -> str:
    """The text of .env.example: every name with its meaning and its default, commented out."""
    lines = [
        "# Duelbot's settings. Copy this file to .env, or set the names in the environment, which wins.",
        "# Each line shows the default; an unknown DUEL_ name is an error.",
    ]
    for name, field in Settings.model_fields.items():
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        lines += ["", f"# {field.description}", f"#{PREFIX}{name.upper()}={'' if value is None else value}"]
    return "\n".join(lines) + "\n"
