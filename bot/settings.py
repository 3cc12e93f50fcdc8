"""Settings of the whole product: the engine's, and a class for each part of the bot. `Settings.read` is the way to get them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_type_hints

from platformdirs import user_data_path
from pydantic import Field, SecretStr

from bot.address import Public, is_loopback, networks_of, public_of
from bot.margins import ALPHA, DELTA
from engine.errors import SettingsError
from engine.settings import PREFIX, EngineSettings, Part, read_environment, under

V = TypeVar("V")
EXAMPLE_HEAD = """\
# Duelbot's settings. Copy this file to .env, or set the names in the environment, which wins.
# Each line shows the default; an unknown DUEL_ name is an error.
"""


class WebSettings(Part):
    """The page: where it listens, and how others reach it."""

    model_config = under("DUEL_WEB_")

    host: str = Field(
        "127.0.0.1", min_length=1, description="Address that the page listens on. Any but this machine's own demands DUEL_WEB_PASSWORD."
    )
    port: int = Field(8080, ge=1, le=65535, description="Port of the page.")
    password: SecretStr = Field(SecretStr(""), description="Password of the page; empty: none, for this machine alone.")
    public_url: str = Field(
        "",
        description="Address of the page as others type it, when a proxy with HTTPS stands before it: https://example.org/duels. "
        "Demands DUEL_WEB_PASSWORD. Empty: there is no proxy.",
    )
    trusted_proxies: str = Field(
        "",
        description="Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses or networks, a comma between them. "
        "Empty: nobody's.",
    )
    undo_s: float = Field(
        10.0,
        ge=0,
        le=300,
        description="Seconds for which a vote on the page can be taken back, where one vote closes the duel; who was who is shown after "
        "that, or at once on Enter. 0: at once.",
    )

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the page."""
        return is_loopback(self.host)

    @property
    def public(self) -> Public | None:
        """The address where people outside find the page; None: nowhere but where it listens. Raises ValueError before `check`."""
        return public_of(self.public_url) if self.public_url else None

    @property
    def trusted(self) -> tuple[str, ...]:
        """Networks whose word is taken on who is asking. Raises ValueError before `check`."""
        return networks_of(self.trusted_proxies)

    def check(self) -> None:
        """Refuse addresses that are none, and a page that others can reach without a password. Raises SettingsError."""
        public = _checked("DUEL_WEB_PUBLIC_URL", self.public_url, lambda: self.public)
        _checked("DUEL_WEB_TRUSTED_PROXIES", self.trusted_proxies, lambda: self.trusted)
        if self.password.get_secret_value():
            return
        if not self.loopback:
            raise SettingsError(
                f"DUEL_WEB_HOST is {self.host!r}, which others can reach: set DUEL_WEB_PASSWORD, or DUEL_WEB_HOST=127.0.0.1."
            )
        if public and not is_loopback(public.site.host):
            raise SettingsError(f"DUEL_WEB_PUBLIC_URL is {self.public_url!r}, which others can reach: set DUEL_WEB_PASSWORD.")


class WatchSettings(Part):
    """What whoever runs it looks at: /healthz, /readyz and /metrics."""

    model_config = under("DUEL_WATCH_")

    port: int | None = Field(
        None,
        ge=1,
        le=65535,
        description="Port of its own for /healthz, /readyz and /metrics. Empty: the page's port answers them while the page is for this "
        "machine alone.",
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that this port listens on. It asks for no password.")
    public: bool = Field(
        False, description="Whether the page answers /healthz, /readyz and /metrics also where others can reach it, without its password."
    )


class LogSettings(Part):
    """The log, on stderr."""

    model_config = under("DUEL_LOG_")

    format: Literal["text", "json"] = Field("text", description="Form of the log: text for people, or json, an object on each line.")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "warning", description="Least weight of what Duelbot logs: debug, info, warning or error. Libraries log from warning on."
    )


class StoreSettings(Part):
    """The place where things are kept."""

    model_config = under("DUEL_STORE_")

    path: str = Field("", description="File that keeps conversations, answers and ballots. Empty: duels.sqlite3 in the user's data folder.")

    @property
    def file(self) -> Path:
        """The store's file as an absolute path."""
        if self.path:
            return Path(self.path).expanduser().absolute()
        return user_data_path("duelbot", appauthor=False) / "duels.sqlite3"


class DiscordSettings(Part):
    """The account of the bot on Discord, and what Discord lets it read."""

    model_config = under("DUEL_DISCORD_")

    token: SecretStr = Field(
        SecretStr(""),
        validation_alias="DISCORD_TOKEN",
        description="The bot's token from Discord's developer portal; empty: no Discord.",
    )
    content_intent: bool = Field(
        False,
        description="Whether the Message Content Intent is switched on in the portal: the bot then also reads the message replied to, and "
        "what people write without a mention in threads that it opened.",
    )


class VoteSettings(Part):
    """Rules by which a team's vote closes where the team has not settled it otherwise."""

    model_config = under("DUEL_DISCORD_")

    quorum: int = Field(3, ge=1, le=10_000, description="Ballots that close a vote in a server; /settings changes it per server.")
    deadline_hours: float = Field(
        24.0, gt=0, le=24 * 365, description="Hours after which a vote closes anyway; /settings changes it per server."
    )
    blinding_share: float = Field(
        0.1, ge=0, le=1, description="Share of ballots with which the voter is asked which side is which, on every front; 0: never."
    )


class LimitSettings(Part):
    """Limits of what everybody, one person and one team may ask and spend, on Discord and on a page with a password.

    The terminal, and a page without one, belong to whoever runs Duelbot: no limit of persons holds there.
    """

    model_config = under("DUEL_DISCORD_")

    in_flight: int = Field(64, ge=1, le=10_000, description="Requests answered or queued at the same time, of everybody.")
    person_in_flight: int = Field(
        3,
        ge=1,
        description="Requests of one person answered at the same time. This and the next three hold on Discord, and on the page where "
        "DUEL_WEB_PASSWORD is set.",
    )
    person_per_minute: int = Field(10, ge=1, description="Requests of one person in a minute.")
    person_per_day: int = Field(300, ge=1, description="Requests of one person in 24 hours.")
    person_usd_per_day: float = Field(2.0, ge=0, description="US dollars that one person's answers may cost in 24 hours.")
    team_in_flight: int = Field(
        32, ge=1, validation_alias="DUEL_DISCORD_SERVER_IN_FLIGHT", description="Requests of one server answered at the same time."
    )
    team_per_minute: int = Field(
        60, ge=1, validation_alias="DUEL_DISCORD_SERVER_PER_MINUTE", description="Requests of one server in a minute."
    )
    team_per_day: int = Field(3000, ge=1, validation_alias="DUEL_DISCORD_SERVER_PER_DAY", description="Requests of one server in 24 hours.")
    team_usd_per_day: float = Field(
        20.0,
        ge=0,
        validation_alias="DUEL_DISCORD_SERVER_USD_PER_DAY",
        description="US dollars that one server's answers may cost in 24 hours.",
    )
    cap_usd_per_day: float | None = Field(
        None,
        ge=0,
        validation_alias="DUEL_TEAM_USD_PER_DAY",
        description="US dollars that one team's answers may cost in 24 hours; page and terminal count as one team. Empty: no cap.",
    )
    cap_usd_per_month: float | None = Field(
        None, ge=0, validation_alias="DUEL_TEAM_USD_PER_MONTH", description="The same in 30 days. Empty: no cap."
    )


class VerdictSettings(Part):
    """The margins of the verdict."""

    model_config = under("DUEL_VERDICT_")

    delta: float = Field(DELTA, gt=0, lt=0.5, description="Margin: shares within 1/2 plus or minus this are called practically equal.")
    alpha: float = Field(ALPHA, gt=0, lt=1, description="Error rate of a verdict over all looks; choose it before looking.")


class RouteSettings(Part):
    """Requests that are answered without a duel."""

    model_config = under("DUEL_ROUTE_")

    rises: bool = Field(
        True,
        description="Whether all requests become duels again by themselves when later votes contradict the verdict. "
        "The team is told either way.",
    )


class ApiSettings(Part):
    """The endpoint for the team's own program, which speaks as OpenAI's API does."""

    model_config = under("DUEL_API_")

    on: bool = Field(
        False, validation_alias="DUEL_API", description="Whether programs can ask with a key at /v1/chat/completions: docs/route.md."
    )
    host: str = Field("127.0.0.1", min_length=1, description="Address that the endpoint listens on.")
    port: int = Field(8081, ge=1, le=65535, description="Port of the endpoint.")
    public: bool = Field(
        False,
        description="Whether others may reach the endpoint: DUEL_API_HOST may then be any address, and requests may name any host. "
        "Put it behind HTTPS: keys go over the wire.",
    )
    max_bytes: int = Field(262_144, ge=1024, le=64 << 20, description="Bytes that a request may have.")
    read_s: float = Field(10.0, gt=0, description="Seconds within which a whole request has to arrive.")
    in_flight: int = Field(256, ge=1, le=10_000, description="Requests of all programs answered at the same time.")
    key_in_flight: int = Field(
        32, ge=1, le=10_000, description="Requests of one key answered at the same time, where nothing else was said."
    )
    key_per_minute: int = Field(600, ge=1, description="Requests of one key in a minute, where nothing else was said.")
    key_per_day: int = Field(20_000, ge=1, description="Requests of one key in 24 hours, where nothing else was said.")
    key_usd_per_day: float | None = Field(
        None, ge=0, description="US dollars that one key's answers may cost in 24 hours, where nothing else was said. Empty: no limit."
    )
    idle_s: float = Field(
        2.0, gt=0, description="Seconds without a request after which the other answers of duels that programs asked are written."
    )

    def check(self) -> None:
        """Refuse an address that others can reach unless that is allowed. Raises SettingsError."""
        if self.on and not self.public and not is_loopback(self.host):
            raise SettingsError(
                f"DUEL_API_HOST is {self.host!r}, which others can reach: set DUEL_API_PUBLIC=true, or DUEL_API_HOST=127.0.0.1."
            )


class ReplaySettings(Part):
    """Past requests answered again, each side alone."""

    model_config = under("DUEL_REPLAYS_")

    on: bool = Field(
        True,
        validation_alias="DUEL_REPLAYS",
        description="Whether past requests are answered again, each side alone, while nobody waits: fair times for the decision card.",
    )
    idle_s: float = Field(60.0, gt=0, description="Seconds without a request after which replays begin.")
    most: int = Field(100, ge=1, description="Requests replayed for a pair of contestants, at most.")


class TeamFacts(Part):
    """Facts that only the team knows of its two sides, for the decision card; and its rules for tags."""

    model_config = under("DUEL_TEAM_")

    wage_usd_per_hour: float | None = Field(None, ge=0, description="What an hour of authoring costs in US dollars; empty: not counted.")
    prompt_minutes: float | None = Field(None, ge=0, description="Minutes that people spent on writing the recipe; empty: not known.")
    tuned_minutes: float | None = Field(
        None, ge=0, description="Minutes that people spent on the adapter's data and training; empty: not known."
    )
    training_usd: float | None = Field(
        None,
        ge=0,
        description="What training the adapter cost in US dollars; empty: as its card tells, or its hours at the device's price.",
    )
    shelf_life_months: float | None = Field(
        None, gt=0, description="Months until base, data or task have changed so much that an adapter is trained again; empty: not known."
    )
    requests_per_month: float | None = Field(None, gt=0, description="Requests in a month; empty: those of the last 30 days.")
    name: str = Field("", max_length=100, description="Name of the team, for {{team}} in recipes; empty: none.")
    base_licence: str = Field("", description="Licence of the base model, shown on the decision card; empty: not known.")
    tag_rules: str = Field("", description="A .toml file of rules that guess a request's tag from its words; empty: no guesses.")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the product, a part each."""

    engine: EngineSettings = field(default_factory=EngineSettings)
    web: WebSettings = field(default_factory=WebSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)
    logs: LogSettings = field(default_factory=LogSettings)
    store: StoreSettings = field(default_factory=StoreSettings)
    discord: DiscordSettings = field(default_factory=DiscordSettings)
    votes: VoteSettings = field(default_factory=VoteSettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    verdict: VerdictSettings = field(default_factory=VerdictSettings)
    routes: RouteSettings = field(default_factory=RouteSettings)
    api: ApiSettings = field(default_factory=ApiSettings)
    replays: ReplaySettings = field(default_factory=ReplaySettings)
    team: TeamFacts = field(default_factory=TeamFacts)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Self:
        """Read every part. Raises SettingsError for a bad value or name, and for what others can reach although they should not."""
        given = read_environment(list(parts().values()), environ, env_file)
        read: dict[str, Any] = {name: part.of(given) for name, part in parts().items()}
        settings = cls(**read)
        settings.web.check()
        settings.api.check()
        if settings.watch.port == settings.web.port:
            raise SettingsError(f"DUEL_WATCH_PORT is {settings.watch.port}, the page's own port. Choose another one, or leave it empty.")
        return settings

    @property
    def watched_on_page(self) -> bool:
        """Whether the page's port answers /healthz, /readyz and /metrics."""
        alone = self.web.loopback and (self.web.public is None or is_loopback(self.web.public.site.host))
        return self.watch.public or (alone and self.watch.port is None)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no log may hold."""
        kept = (self.web.password, self.discord.token, self.engine.server_key, self.engine.prompted_server_key)
        return tuple(value for each in kept if (value := each.get_secret_value()))

    @classmethod
    def of(cls, **values: Any) -> Self:
        """Make settings by names of the environment in lower case without DUEL_: of(store_path="duels.sqlite3", replays=False)."""
        return cls().but(**values)

    def but(self, **values: Any) -> Self:
        """Return the same with other values, by names as `of` takes them. Raises SettingsError for a bad value or name."""
        changed: dict[str, Any] = {}
        for name, part in parts().items():
            if own := {field: values.pop(short) for alias, field in part.names().items() if (short := _short(alias)) in values}:
                changed[name] = getattr(self, name).but(own)
        if values:
            raise SettingsError(f"Unknown setting: {', '.join(values)}.")
        return replace(self, **changed)


def parts() -> dict[str, type[Part]]:
    """List the classes of all parts by the field of Settings that holds them, in the order of .env.example."""
    return get_type_hints(Settings)


def _short(alias: str) -> str:
    return alias.removeprefix(PREFIX).lower()


def _checked(name: str, value: str, read: Callable[[], V]) -> V:
    """Read what a setting says. Raises SettingsError that names it."""
    try:
        return read()
    except ValueError as error:
        raise SettingsError(f"{name} is {value!r}: {error}.") from error


def env_example() -> str:
    """Write the text of .env.example: every name with its meaning and its default, commented out."""
    return EXAMPLE_HEAD + "".join(part.example() for part in parts().values())
