"""What the bot can be told from outside: the engine's names, and its own for the page and the store."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import ClassVar, TypeVar

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from bot.address import Public, is_loopback, networks_of, public_of
from engine.errors import SettingsError
from engine.settings import EngineSettings

S = TypeVar("S", bound="Settings")
V = TypeVar("V")


class Settings(EngineSettings):
    """All names of the product. No name is left to others: an unknown DUEL_ name is an error."""

    others: ClassVar[tuple[str, ...]] = ()

    web_host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the page listens on. Any but this machine's own demands DUEL_WEB_PASSWORD."
    )
    web_port: int = Field(8080, ge=1, le=65535, description="Port of the page.")
    web_password: SecretStr = Field(SecretStr(""), description="Password of the page; empty: none, for this machine alone.")
    web_public_url: str = Field(
        "",
        description="Address of the page as others type it, when a proxy with HTTPS stands before it: https://example.org/duels. "
        "Demands DUEL_WEB_PASSWORD. Empty: there is no proxy.",
    )
    web_trusted_proxies: str = Field(
        "",
        description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks, a comma between them. "
        "Empty: nobody's.",
    )
    store_path: str = Field(
        "", description="File that keeps conversations, answers and ballots. Empty: duels.sqlite3 in the user's data folder."
    )

    discord_token: SecretStr = Field(SecretStr(""), description="The bot's token from Discord's developer portal; empty: no Discord.")
    discord_content_intent: bool = Field(
        False,
        description="Whether the Message Content Intent is switched on in the portal: the bot then also reads the message replied to.",
    )
    discord_quorum: int = Field(3, ge=1, le=10_000, description="Ballots that close a vote in a server; /settings changes it per server.")
    discord_deadline_hours: float = Field(
        24.0, gt=0, le=24 * 365, description="Hours after which a vote closes anyway; /settings changes it per server."
    )
    discord_blinding_share: float = Field(
        0.1, ge=0, le=1, description="Share of ballots after which the voter is asked which side is which; 0: never."
    )
    discord_in_flight: int = Field(64, ge=1, le=10_000, description="Requests answered or queued at the same time, of everybody.")
    discord_person_in_flight: int = Field(3, ge=1, description="Requests of one person answered at the same time.")
    discord_person_per_minute: int = Field(10, ge=1, description="Requests of one person in a minute.")
    discord_person_per_day: int = Field(300, ge=1, description="Requests of one person in 24 hours.")
    discord_person_usd_per_day: float = Field(2.0, ge=0, description="US dollars that one person's answers may cost in 24 hours.")
    discord_server_in_flight: int = Field(32, ge=1, description="Requests of one server answered at the same time.")
    discord_server_per_minute: int = Field(60, ge=1, description="Requests of one server in a minute.")
    discord_server_per_day: int = Field(3000, ge=1, description="Requests of one server in 24 hours.")
    discord_server_usd_per_day: float = Field(20.0, ge=0, description="US dollars that one server's answers may cost in 24 hours.")

    verdict_delta: float = Field(
        0.15, gt=0, lt=0.5, description="Margin: shares within 1/2 plus or minus this are called practically equal."
    )
    verdict_alpha: float = Field(0.05, gt=0, lt=1, description="Error rate of a verdict over all looks; choose it before looking.")
    replays: bool = Field(
        True, description="Whether past requests are answered again, each side alone, while nobody waits: fair times for the decision card."
    )
    replays_idle_s: float = Field(60.0, gt=0, description="Seconds without a request after which replays begin.")
    replays_most: int = Field(100, ge=1, description="Requests replayed for a pair of contestants, at most.")
    team_wage_usd_per_hour: float | None = Field(
        None, ge=0, description="What an hour of authoring costs in US dollars; empty: not counted."
    )
    team_prompt_minutes: float | None = Field(None, ge=0, description="Minutes that people spent on writing the recipe; empty: not known.")
    team_tuned_minutes: float | None = Field(
        None, ge=0, description="Minutes that people spent on the adapter's data and training; empty: not known."
    )
    team_training_usd: float | None = Field(
        None,
        ge=0,
        description="What training the adapter cost in US dollars; empty: as its card tells, or its hours at the device's price.",
    )
    team_shelf_life_months: float | None = Field(
        None, gt=0, description="Months until base, data or task have changed so much that an adapter is trained again; empty: not known."
    )
    team_requests_per_month: float | None = Field(None, gt=0, description="Requests in a month; empty: those of the last 30 days.")
    team_base_licence: str = Field("", description="Licence of the base model, shown on the decision card; empty: not known.")
    team_usd_per_day: float | None = Field(
        None,
        ge=0,
        description="US dollars that one team's answers may cost in 24 hours; page and terminal count as one team. Empty: no cap.",
    )
    team_usd_per_month: float | None = Field(None, ge=0, description="The same in 30 days. Empty: no cap.")
    team_tag_rules: str = Field("", description="A .toml file of rules that guess a request's tag from its words; empty: no guesses.")

    @property
    def store_file(self) -> Path:
        """Where the store is, spelled out."""
        if self.store_path:
            return Path(self.store_path).expanduser().absolute()
        return user_data_path("duelbot", appauthor=False) / "duels.sqlite3"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        return is_loopback(self.web_host)

    @property
    def public(self) -> Public | None:
        """Where people outside find the page; None: nowhere but where it listens."""
        return public_of(self.web_public_url) if self.web_public_url else None

    @property
    def trusted_proxies(self) -> tuple[str, ...]:
        """Networks whose word is taken on who is asking."""
        return networks_of(self.web_trusted_proxies)

    @classmethod
    def outside(cls, name: str) -> str:
        """The token has the name that every Discord bot gives it."""
        return "DISCORD_TOKEN" if name == "discord_token" else super().outside(name)

    @classmethod
    def read(cls: type[S], environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> S:
        """As the engine's; and a page that others can reach needs a password. Raises SettingsError."""
        settings = super().read(environ, env_file)
        public = _checked("DUEL_WEB_PUBLIC_URL", settings.web_public_url, lambda: settings.public)
        _checked("DUEL_WEB_TRUSTED_PROXIES", settings.web_trusted_proxies, lambda: settings.trusted_proxies)
        if settings.web_password.get_secret_value():
            return settings
        if not settings.loopback:
            raise SettingsError(
                f"DUEL_WEB_HOST is {settings.web_host!r}, which others can reach: set DUEL_WEB_PASSWORD, or DUEL_WEB_HOST=127.0.0.1."
            )
        if public and not is_loopback(public.site.host):
            raise SettingsError(f"DUEL_WEB_PUBLIC_URL is {settings.web_public_url!r}, which others can reach: set DUEL_WEB_PASSWORD.")
        return settings


def _checked(name: str, value: str, read: Callable[[], V]) -> V:
    """What a setting says, read. Raises SettingsError that names it."""
    try:
        return read()
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}: {error}.") from error


def env_example() -> str:
    """The text of .env.example: every name with its meaning and its default, commented out."""
    lines = [
        "# Duelbot's settings. Copy this file to .env, or set the names in the environment, which wins.",
        "# Each line shows the default; an unknown DUEL_ name is an error.",
    ]
    for name, field in Settings.model_fields.items():
        value = field.default.get_secret_value() if isinstance(field.default, SecretStr) else field.default
        lines += ["", f"# {field.description}", f"#{Settings.outside(name)}={'' if value is None else value}"]
    return "\n".join(lines) + "\n"
