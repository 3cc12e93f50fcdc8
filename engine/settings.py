"""Settings from outside: environment variables, or a file .env in the folder that a command is started from.

A part of the product is a class whose fields are its settings: type, default, bounds and meaning stand there and nowhere else. Each is a
line of .env.example. All commands share one environment, so each of them takes the names of every part that there is, and refuses a name
that begins with DUEL_ and is no part's.
"""

import importlib
import os
from collections.abc import Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self, TypeVar, get_args

from dotenv import dotenv_values
from pydantic import AliasGenerator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from engine.cost import Price, read_token_prices
from engine.errors import SettingsError
from engine.parsing import shown
from engine.shipped import SMOLLM2

PREFIX = "DUEL_"
LONGEST_NAME, MOST_NAMES = 60, 10  # characters and number of unknown names that are shown
ANSWER_LIMIT_S = 120.0  # seconds after which an answer is given up
LEAST_DIFFERENCE = 1e-3  # of next-token distributions (total variation, 0 to 1), by which a living adapter differs from its base
MAX_ROWS = 8  # answers that are written at the same time
HOUSE = Path(__file__).parents[1]
FOLDERS = ("adapters", "bot")  # folders beside this one; a folder that has settings keeps their classes in its module `settings`
P = TypeVar("P", bound="Part")


def under(prefix: str) -> ConfigDict:
    """Configure a part whose fields are called prefix + FIELD outside; a field with a validation_alias is called that."""
    return ConfigDict(alias_generator=AliasGenerator(validation_alias=lambda field: prefix + field.upper()))


class Part(BaseModel):
    """Settings of one part of the product. Build one by the names of its fields, or with `of` from an environment."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_by_name=True, validate_by_alias=True)

    @classmethod
    def names(cls) -> dict[str, str]:
        """List the names of the environment, and the field that each of them sets."""
        return {str(field.validation_alias): name for name, field in cls.model_fields.items()}

    @classmethod
    def of(cls, given: Mapping[str, str | None]) -> Self:
        """Take this part's names out of an environment. Raises SettingsError naming every bad value with what it must be."""
        optional = {name for name, field in cls.model_fields.items() if type(None) in get_args(field.annotation)}
        values = {name: given[alias] for alias, name in cls.names().items() if alias in given}
        return cls().but({name: None if value == "" and name in optional else value for name, value in values.items()})

    def but(self, values: Mapping[str, Any]) -> Self:
        """Return the same with other values of these fields. Raises SettingsError, as `of` does."""
        try:
            return self.model_validate({name: getattr(self, name) for name in type(self).model_fields} | dict(values))
        except ValidationError as error:
            outside = {name: alias for alias, name in self.names().items()}
            raise SettingsError(" ".join(_words(outside[str(problem["loc"][0])], problem) for problem in error.errors())) from error

    @classmethod
    def example(cls) -> str:
        """Write the lines of .env.example: meaning, name and default of each field, commented out."""
        return "".join(
            f"\n# {field.description}\n#{field.validation_alias}={_plain(field.default)}\n" for field in cls.model_fields.values()
        )


class EngineSettings(Part):
    """Settings of the engine: the model, who meets, the machine and its price."""

    model_config = under(PREFIX)

    base_model: str = Field(
        SMOLLM2,
        min_length=1,
        description="Base model: smollm2 (SmolLM2-135M-Instruct), demo (a small one), a hub id, a folder, or a GGUF file.",
    )
    bases: str = Field(
        "",
        description="Other bases, a comma between them, that people may pick on the page for their next duels. Each is loaded when it is "
        "picked for the first time, and takes its memory then. Empty: DUEL_BASE_MODEL alone.",
    )
    adapter: str = Field(
        "",
        description="LoRA adapter on that base: a hub id or a folder; while it is set, no other can be put in use. "
        "Empty: the one that `adapters use` or the page chose, else desk with smollm2, demo with demo, none with another base.",
    )
    adapters: str = Field(
        "loras", min_length=1, description="Folder of your adapters, a folder each; in-use.json in it says which one the tuned side takes."
    )
    adapters_mib: int = Field(
        512,
        ge=1,
        le=1 << 24,
        description="MiB of memory for adapters that are loaded at the same time. The one in use stays; of the others, the one that was "
        "not asked for the longest leaves when another needs its room.",
    )
    recipe: str = Field(
        "",
        description="Engineered recipe: the name of a shipped one, or the path of a .toml file. "
        "Empty: desk with smollm2, house with the demo, none with another base.",
    )
    plain_recipe: str = Field(
        "",
        description="Plain recipe, the one the adapter was trained with: a shipped name or a path. "
        "Empty: the shipped one that the adapter's card names, else plain, which says nothing.",
    )
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
        LEAST_DIFFERENCE,
        gt=0,
        lt=1,
        description="Alive gate: an adapter that changes next-token distributions by less than this (total variation) never duels.",
    )
    backend: Literal["local", "openai"] = Field(
        "local",
        description="What runs the model: local (in this process, on its processor or GPU), or openai (a server that speaks OpenAI's API: "
        "vLLM, Ray Serve LLM, llama-server or another; DUEL_BASE_MODEL and DUEL_ADAPTER are then names there).",
    )
    server_url: str = Field("", description="Address of that server, as http://127.0.0.1:8000/v1.")
    server_key: SecretStr = Field(SecretStr(""), description="Key of that server; empty: it wants none. It is never shown.")
    server_adapters: str = Field(
        "",
        description="Your folder of adapters (DUEL_ADAPTERS) as that server sees it. vLLM then loads them while it runs, if it was started "
        "with VLLM_ALLOW_RUNTIME_LORA_UPDATING=True. Empty: the server's own adapters alone.",
    )
    prompted_model: str = Field(
        "",
        description="With DUEL_BACKEND=openai: another model, by which the prompted side answers. Two models are compared then, and the "
        "card says so. Empty: both sides stand on DUEL_BASE_MODEL.",
    )
    prompted_server_url: str = Field("", description="Address of the server that has that model; empty: DUEL_SERVER_URL.")
    prompted_server_key: SecretStr = Field(SecretStr(""), description="Key of DUEL_PROMPTED_SERVER_URL; empty: it wants none.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where the model runs: auto (cuda if there is one), cpu, cuda.")
    dtype: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Weights in memory: float32 (same tokens together as alone) or bfloat16 (half the memory, for larger models).",
    )
    threads: int = Field(
        0,
        ge=0,
        le=1024,
        description="Processor threads of the model; 0: the fastest number, as timed steps show at the start and whenever they grow slow.",
    )
    max_rows: int = Field(MAX_ROWS, ge=2, le=256, description="Answers that are written at the same time; more wait in a queue.")
    kv_mib: int = Field(
        0,
        ge=0,
        le=1 << 24,
        description="MiB of memory for keys and values of the answers that are written; beside it, a sixteenth (at least 128) keeps "
        "beginnings of prompts. Answers that do not fit wait. 0: a quarter of the machine's memory.",
    )
    answer_limit_s: float = Field(ANSWER_LIMIT_S, gt=0, le=86400, description="Seconds after which an answer is given up.")
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
    def more_bases(self) -> tuple[str, ...]:
        """The other bases by their names, each once."""
        return tuple(dict.fromkeys(name for each in self.bases.split(",") if (name := each.strip())))

    @property
    def own_plain(self) -> bool:
        """Whether the plain recipe is the team's own, whose [sampling] nothing else changes."""
        return self.plain_recipe not in ("", "plain")

    @property
    def price(self) -> Price:
        """The price of answers. Raises SettingsError for a price list that cannot be read."""
        hour, source = self.device_usd_per_hour, self.price_source
        if hour is not None and self.device_watts is not None and self.usd_per_kwh is not None:
            hour += self.device_watts / 1000 * self.usd_per_kwh
            source += f", with {self.device_watts:g} W at ${self.usd_per_kwh:g} per kWh"
        own, other = [
            read_token_prices(Path(self.token_prices), model) if self.token_prices and model else None
            for model in (self.base_model, self.prompted_model)
        ]
        return Price(hour, source, self.price_date.isoformat(), own, other)

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> Self:
        """Read the engine's settings, for a command that needs no others. Raises SettingsError, as `read_environment` and `of` do."""
        return cls.of(read_environment([cls], environ, env_file))


def read_environment(
    parts: Sequence[type[Part]], environ: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")
) -> dict[str, str | None]:
    """Read the environment, which wins, and the .env file if there is one; parts: those whose values are wanted.

    Raises SettingsError for a file that cannot be read, and for names that no part of the product has.
    """
    given = _lines_of(env_file) if env_file is not None and env_file.is_file() else {}
    given |= dict(os.environ if environ is None else environ)
    wanted = {name for part in parts for name in part.names()}
    others = {name for name in given if name.startswith(PREFIX)} - wanted
    if others and (unknown := sorted(others - (known := _all_names()))):
        more = f" and {len(unknown) - MOST_NAMES:,} more" if len(unknown) > MOST_NAMES else ""
        near = get_close_matches(unknown[0], known, n=1, cutoff=0.8) if len(unknown) == 1 else []
        hint = f"Did you mean {near[0]}? " if near else ""
        listed = ", ".join(name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in unknown[:MOST_NAMES])
        raise SettingsError(f"Unknown setting: {listed}{more}. {hint}.env.example lists every name with its meaning.")
    return given


def _all_names() -> set[str]:
    """Names of every part there is. Only asked when a name is not the command's own; the flow forbids an import of what comes later."""
    for folder in FOLDERS:
        if any((HOUSE / folder).glob("settings*")):
            importlib.import_module(f"{folder}.settings")
    return {name for part in Part.__subclasses__() for name in part.names()}


def _lines_of(env_file: Path) -> dict[str, str | None]:
    try:
        return dict(dotenv_values(env_file, interpolate=False, encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        why = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error.strerror
        raise SettingsError(f"The settings in {env_file} cannot be read: {why}.") from error


def _words(name: str, problem: Mapping[str, Any]) -> str:
    return f"{name} is {shown(problem['input'])}: {problem['msg'][0].lower()}{problem['msg'][1:]}."


def _plain(default: Any) -> str:
    if default is None:
        return ""
    return str(default.get_secret_value() if isinstance(default, SecretStr) else default)
