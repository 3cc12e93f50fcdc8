"""A decision from an order to its report."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import join, quote
from typing import Any

from adapters.data.reading import read_file
from adapters.data.rows import answered
from bot.deciding.advice import Advice, advise
from bot.deciding.budget import check_budget
from bot.deciding.findings import DecisionFindings
from bot.deciding.gathering import gathered
from bot.deciding.measured import read_answers
from bot.deciding.order import BadDecision, DecisionFolder, DecisionOrder, check_name, file_digest, in_words
from bot.deciding.report import MOST_ROWS, Quoted, ReportFacts, written
from bot.deciding.steps import Deciding, Tell
from bot.deciding.telling import for_votes, telling
from engine.lineup import base_folder
from engine.recipes import load_recipe
from engine.request import Request
from engine.rows import Row, read_rows
from engine.scoring import guess_metric, metric_named
from engine.settings import EngineSettings

MOST_CONFIRM = 20  # test requests that people vote on to confirm


@dataclass(frozen=True, slots=True)
class DecisionWish:
    """What a person asks for. "" and None: not said."""

    file: Path
    name: str = ""
    base: str = ""
    metric: str = ""
    recipe: str = ""
    minutes: float = 15.0
    usd: float | None = None
    margin: float = 0.10
    seed: int = 0
    out: Path = Path("decisions")


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that has ended."""

    folder: Path
    found: DecisionFindings
    advice: Advice


def decision_folder(wish: DecisionWish, settings: EngineSettings) -> DecisionFolder:
    """Begin a decision's folder, or find it again: the same wish goes on with what it began. Raises BadDecision, BadRequest, BadModel."""
    if settings.backend != "local":
        raise BadDecision(
            "DUEL_BACKEND names a server, and a fine-tune is made on this machine: set DUEL_BACKEND=local, and name a base with --base. "
            "The prompt that is found can be used with the server."
        )
    name = wish.name or wish.file.stem
    check_name(name)
    folder, order = DecisionFolder(wish.out.absolute() / name), _ordered(wish, name, settings)
    if not folder.begun:
        check_budget(order.minutes, order.usd, settings.price.usd_per_hour)
        base_folder(order.base)  # one that is not there is told before anything begins
        if order.recipe:
            load_recipe(order.recipe)
        with in_words(folder):
            folder.begin(order)
        return folder
    before = folder.order()
    if before.file_digest != order.file_digest:
        raise BadDecision(f"{wish.file} has changed since the decision in {folder.path} began. Take another --name, or delete that folder.")
    if before != order:
        said = {key: value for key, value in asdict(order).items() if value != asdict(before)[key]}
        raise BadDecision(
            f"The decision in {folder.path} began with other wishes ({', '.join(said)}). Say the same to go on, or take another --name."
        )
    return folder


def _ordered(wish: DecisionWish, name: str, settings: EngineSettings) -> DecisionOrder:
    rows = read_file(wish.file).rows
    metric = metric_named(wish.metric) if wish.metric else guess_metric([answered(row) for row in rows])
    base, recipe = wish.base or settings.base_model, wish.recipe
    return DecisionOrder(
        name=name,
        file=str(wish.file.absolute()),
        file_digest=file_digest(wish.file),
        base=str(Path(base).absolute()) if Path(base).is_dir() else base,
        metric=metric.name,
        guessed=not wish.metric,
        minutes=wish.minutes,
        usd=wish.usd,
        margin=wish.margin,
        seed=wish.seed,
        recipe=str(Path(recipe).absolute()) if recipe.endswith(".toml") else recipe,
    )


async def decide_rows(folder: DecisionFolder, settings: EngineSettings, tell: Tell) -> Decided:
    """Do what is left of a decision, and write its report. Raises BadDecision, DecisionStopped; what was done is kept."""
    with in_words(folder), folder.alone():
        deciding = Deciding(folder, settings, tell)
        try:
            with in_words(folder):
                await deciding.run()
        except BadDecision as error:
            deciding.tell(words=error.words)
            raise
        decided = await asyncio.to_thread(_reported, folder, settings)
        deciding.tell(ended=True, words=f"{decided.advice.headline}. The report is {folder['report.html']}.")
        return decided


def _reported(folder: DecisionFolder, settings: EngineSettings) -> Decided:
    """Write the report and all that is to be taken along."""
    status = folder.status()
    if status is None:
        raise BadDecision(f"{folder['status.json']} cannot be read. Start the same command again.")
    found = gathered(folder, status, settings.price.usd_per_hour)
    advice = advise(found)
    rows = {row.line: row for row in read_rows([folder["rows.jsonl"].read_bytes()], "rows.jsonl").rows}
    answers = read_answers(folder["answers.jsonl"])
    quoted = [Quoted(rows[each.line].text, rows[each.line].references[0], each) for each in telling(answers, MOST_ROWS)]
    _write_confirming(folder, [rows[each.line] for each in for_votes(answers, MOST_CONFIRM)])
    _write_messages(folder)
    folder.write("decision.json", decision_json(found, advice))
    folder["report.html"].write_text(written(found, advice, _facts(folder, settings, quoted)), encoding="utf-8")
    return Decided(folder.path, found, advice)


def _write_confirming(folder: DecisionFolder, rows: Sequence[Row]) -> None:
    """Write the requests that people vote on to confirm, as a file of requests."""
    lines = [json.dumps(_confirming(row), ensure_ascii=False) for row in rows]
    folder["confirm.jsonl"].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _confirming(row: Row) -> dict[str, Any]:
    before = {"history": [asdict(turn) for turn in row.history]} if row.history else {}
    return {"request": row.text, **before, "tags": list(row.tags)}


def _write_messages(folder: DecisionFolder) -> None:
    """Write the recipe as messages for any server with OpenAI's interface."""
    if not folder["recipe.toml"].is_file():
        return
    recipe = load_recipe(str(folder["recipe.toml"]))
    messages = [{"role": each.role, "content": each.content} for each in recipe.messages(Request("{{request}}"))]
    sampling = {"temperature": recipe.sampling.temperature, "top_p": recipe.sampling.top_p, "max_tokens": recipe.sampling.max_new_tokens}
    folder.write("recipe-messages.json", {"messages": messages, **sampling})


def _facts(folder: DecisionFolder, settings: EngineSettings, quoted: Sequence[Quoted]) -> ReportFacts:
    order, price = folder.order(), settings.price
    costs = f"Costs: {price.usd_per_hour:g} dollars an hour of this device, {price.source}, {price.date}." if price.usd_per_hour else ""
    serve = [f"DUEL_BASE_MODEL={quote(order.base)}"]
    serve += [f"DUEL_ADAPTER={quote(_from_here(folder['adapter']))}"] if folder["adapter"].is_dir() else []
    serve += [f"DUEL_RECIPE={quote(_from_here(folder['recipe.toml']))}"] if folder["recipe.toml"].is_file() else []
    return ReportFacts(
        title=order.name,
        file=Path(order.file).name,
        base=order.base,
        made=f"{datetime.now(UTC):%-d %B %Y}",
        price=costs,
        command=command_of(order),
        take_along=tuple(_take_along(folder, order, serve)),
        quoted=quoted,
    )


def _take_along(folder: DecisionFolder, order: DecisionOrder, settings: Sequence[str]) -> Iterator[str]:
    """Say what can be used elsewhere, and how. Files by their names in the decision's folder."""
    yield f"To let it answer here: {' '.join([*settings, 'duelbot'])}"
    if folder["recipe.toml"].is_file():
        yield "The prompt: recipe.toml, and recipe-messages.json for any server with OpenAI's interface."
    if folder["adapter"].is_dir():
        export = f"duelbot adapters export {quote(_from_here(folder['adapter']))} --base {order.base}"
        yield "The fine-tune: the folder adapter, as peft and vLLM take it (vllm serve BASE --enable-lora --lora-modules NAME=adapter)."
        yield f"The same as one model: {export} --form merged --out model; for llama.cpp: --form gguf --out adapter.gguf"
    yield "The rows with their roles: rows.jsonl. All figures: decision.json."


def _from_here(path: Path) -> str:
    """Write a path as it is typed in the current folder: a report that is sent on tells nobody where that lies."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def command_of(order: DecisionOrder) -> str:
    """Write the command that decides as an order says, as a shell reads it."""
    words = ["duelbot", "decide", Path(order.file).name, "--base", order.base, "--minutes", f"{order.minutes:g}", "--metric", order.metric]
    words += [] if order.usd is None else ["--usd", f"{order.usd:g}"]
    words += ["--recipe", order.recipe] if order.recipe else []
    return join([*words, "--margin", f"{order.margin * 100:g}", "--seed", str(order.seed), "--name", order.name])


def decision_json(found: DecisionFindings, advice: Advice) -> dict[str, Any]:
    """Write a decision for programs."""
    table = asdict(found)
    table["gaps"] = [asdict(gap) | {"better": gap.better} for gap in found.gaps]
    return {"advice": asdict(advice), "found": table}
