"""What the engine can be told from outside: environment variables, or a file .env in the folder it is started from.

Every name starts with DUEL_, stands in .env.example with its default and meaning, and an unknown one is an error.
"""

import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar, get_args

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.cost import Price, read_token_prices
from engine.errors import SettingsError
from engine.parsing import shown

PREFIX = "DUEL_"
LONGEST_NAME, MOST_NAMES = 60, 10  # characters and number of unknown names that are shown
S = TypeVar("S", bound="EngineSettings")


class EngineSettings(BaseSettings):
    """The names that the engine reads. `read` is the way to get one; it knows unknown names and words for bad values."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", allow_inf_nan=False)

    others: ClassVar[tuple[str, ...]] = ("DUEL_WEB_", "DUEL_STORE_", "DUEL_DISCORD_", "DUEL_VERDICT_", "DUEL_TEAM_", "DUEL_REPLAYS")
    """Beginnings of names that belong to the bot: the engine leaves them alone, the bot checks them."""

    base_model: str = Field("demo", min_length=1, description="Base model: demo (the one that ships), a hub id, or a folder.")
    adapter: str = Field(
        "",
        description="LoRA adapter on that base: a hub id or a folder. Empty: the demo's adapter with the demo, none with another base.",
    )
    recipe: str = Field(
        "",
        description="Engineered recipe: the name of a shipped one, or the path of a .toml file. "
        "Empty: house with the demo, none with another base.",
    )
    plain_recipe: str = Field("plain", description="Plain recipe, the one the adapter was trained with: a shipped name or a path.")
    arms: str = Field(
        "",
        description="The two arms that meet (prompted, tuned, plain, combined). Empty: prompted,tuned; "
        "without an adapter prompted,plain; without a recipe plain,tuned.",
    )
    aa: str = Field(
        "",
        description="A/A check: the arm that meets itself, instead of two different arms; its verdict must say no difference. Empty: off.",
    )
    alive_difference: float = Field(
        1e-3,
        gt=0,
        lt=1,
        description="Alive gate: an adapter that changes next-token distributions by less than this (total variation) never duels.",
    )
    backend: Literal["local"] = Field("local", description="What runs the model: local (in this process, on its processor or GPU).")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where the model runs: auto (cuda if there is one), cpu, cuda.")
    dtype: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Weights in memory: float32 (same tokens together as alone) or bfloat16 (half the memory, for larger models).",
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="Processor threads of the model; 0: one for a small model, all cores for one above 50 million parameters.",
    )
    max_rows: int = Field(8, ge=2, le=256, description="Answers that are written at the same time; more wait in a queue.")
    answer_limit_s: float = Field(120.0, gt=0, le=86400, description="Seconds after which an answer is given up.")
    device_usd_per_hour: float | None = Field(
        0.10, ge=0, allow_inf_nan=False, description="What the device costs per hour in US dollars; empty: unknown, and no cost is shown."
    )
    price_source: str = Field(
        "assumed price of a small two-core cloud machine", description="Where that price comes from; shown beside every cost."
    )
    price_date: date = Field(date(2026, 11, 22), description="When that price was true (YYYY-MM-DD).")

    device_watts: float | None = Field(
        None, ge=0, description="Power of the device in watts, where energy is paid apart; empty: not counted."
    )
    usd_per_kwh: float | None = Field(None, ge=0, description="What a kilowatt-hour costs in US dollars; empty: not counted.")
    token_prices: str = Field(
        "", description="A .toml price list per million tokens (input, cached, output; dated, with its source); empty: cost by device time."
    )

    @property
    def price(self) -> Price:
        """What answers cost. Raises SettingsError for a price list that cannot be read."""
        hour, source = self.device_usd_per_hour, self.price_source
        if hour is not None and self.device_watts is not None and self.usd_per_kwh is not None:
            hour += self.device_watts / 1000 * self.usd_per_kwh
            source += f", with {self.device_watts:g} W at ${self.usd_per_kwh:g} per kWh"
        tokens = read_token_prices(Path(self.token_prices), self.base_model) if self.token_prices else None
        return Price(hour, source, self.price_date.isoformat(), tokens)

    @classmethod
    def read(cls: type[S], environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> S:
        """Settings from the environment, which wins, and a .env file if there is one.

        Raises SettingsError naming every unknown name, or every bad value with what it must be.
        """
        given = _lines_of(env_file) if env_file is not None and env_file.is_file() else {}
        given |= dict(os.environ if environ is None else environ)
        names = {cls.outside(name): name for name in cls.model_fields}
        ours = {name: value for name, value in given.items() if name.startswith(PREFIX) or name in names}
        unknown = sorted(name for name in ours.keys() - names.keys() if not name.startswith(cls.others))
        if unknown:
            shown = ", ".join(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in unknown[:MOST_NAMES])
            more = f" and {len(unknown) - MOST_NAMES:,} more" if len(unknown) > MOST_NAMES else ""
            raise SettingsError(f"Unknown setting: {shown}{more}. .env.example lists every name with its meaning.")
        values: dict[str, Any] = {names[name]: value for name, value in ours.items() if name in names}
        optional = {name for name, field in cls.model_fields.items() if type(None) in get_args(field.annotation)}
        values = {name: None if value == "" and name in optional else value for name, value in values.items()}
        try:
            return cls(**values)
        except ValidationError as error:
            raise SettingsError(" ".join(_words(problem) for problem in error.errors())) from error

    @classmethod
    def outside(cls, name: str) -> str:
        """What a field is called in the environment."""
        return f"{PREFIX}{name.upper()}"

    @classmethod
    def settings_customise_sources(  # type: ignore[override]
        cls, settings_cls: type[BaseSettings], init_settings: Any, **_: Any
    ) -> tuple[Any, ...]:
        """Only what `read` collected: one place that looks at the environment."""
        return (init_settings,)


def _lines_of(env_file: Path) -> dict[str, str | None]:
    try:
        return dict(dotenv_values(env_file, interpolate=False, encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise SettingsError(f"The settings in {env_file} cannot be read: {why}.") from error


def _words(problem: Mapping[str, Any]) -> str:
    name = PREFIX + "_".join(str(part) for part in problem["loc"]).upper()
    return f"{name} is {shown(problem['input'])}: {problem['msg'][0].lower()}{problem['msg'][1:]}."
