"""Answers that say which side they are: found, shown after the close, and no evidence; texts about models are left alone."""

import json
import time
from pathlib import Path

import pytest

from bot.app.saying_who import telling_words
from bot.ballots import Choice
from bot.evidence.duels import Absence
from bot.fronts.discord.commands.export import telling_words as counted_words
from bot.verdict import Verdict
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from tests.bot.fronts.discord_stage import admin, staged, texts_in, voted
from tests.bot.scripted import answered as answered_duel
from tests.bot.scripted import cast, close, is_tuned, scripted_app
from tests.patience import patient

TELLING = [
    "As the fine-tuned model, I would send this to Damage.",
    "As a fine-tuned model of this duel, my answer is Damage.",
    "as the finetuned assistant I say: Damage.",
    "As your fine-tuned support assistant, it's my job to help.",
    "Speaking as the base model: Damage.",
    "I'm answering here. Answering as the LoRA adapter, Damage it is.",
    "I will answer this question as the fine-tuned side.",
    "I am the fine-tuned model.",
    "I'm a LoRA adapter, so take this with care.",
    "I’m not the base model.",
    "I am a fine-tuned version of SmolLM.",
    "I was fine-tuned on your tickets.",
    "I have been specially fine-tuned for this shop.",
    "I'm just the prompted side of this.",
    "This answer comes from the fine-tuned model.",
    "My system prompt tells me to name a team.",
    "According to my system prompt this is Damage.",
    "The system prompt tells me to be brief.",
    "I was told in my prompt to be brief.",
    "Thanks to my fine-tuning this is easy.",
    "This is adapter desk 1 speaking.",
    "house@3 says: Damage.",
]
QUIET = [
    "As the fine-tuned model learns, its loss falls.",
    "As a fine-tuned model, Llama beats the prompt on this task.",
    "A fine-tuned model is faster; as the base model improves, I would look again.",
    "You can fine-tune a model on 300 tickets.",
    "I recommend to fine-tune the base model.",
    "I would use a prompted model first, then a fine-tuned one.",
    "Fine-tuning changes the weights; your system prompt does not.",
    "The system prompt tells the model what to do.",
    "Team: Damage\nReply: I am sorry that the teapot arrived without its lid.",
    "I was prompted to sign in again, you say: please clear the cookies.",
    "I was told by the carrier that the parcel is late.",
    "I am the manager of the base in Oslo.",
    "Your adapter is for 230 V; I would send it back.",
    "The adapter desk is closed; the recipe house opens at 9.",
    "The desk 1 is oak, the adapter desk 12 is not.",
    "I have fine-tuned two models, the customer writes.",
    "My training began in May.",
]


@pytest.mark.parametrize("text", TELLING)
def test_an_answer_that_says_which_side_it_is_is_found(text: str) -> None:
    assert telling_words(text, "What now?", ("adapter desk 1", "house@3")), text


@pytest.mark.parametrize("text", QUIET)
def test_an_answer_about_models_or_adapters_says_nothing(text: str) -> None:
    assert telling_words(text, "What now?", ("adapter desk 1", "house@3")) == ""


def test_what_the_request_says_too_was_said_by_its_asker() -> None:
    said = "As the fine-tuned model, I would send this to Damage."
    assert telling_words(said, f"Translate: {said}") == ""
    assert telling_words(said, "Are you the fine-tuned model?") == "as the fine-tuned model"


def test_two_sides_of_one_arm_are_told_apart_by_names_alone() -> None:
    assert telling_words("I am the fine-tuned model.", "?", ("desk@1",), arms_differ=False) == ""
    assert telling_words("desk@1 here.", "?", ("desk@1",), arms_differ=False) == "desk@1"


def test_a_long_answer_is_looked_through_within_a_blink() -> None:
    long = "as the fine-tuned model " * 4_000 + "and then " + "i am a a a bases " * 4_000
    began = time.perf_counter()
    assert telling_words(long, "?") == ""
    assert time.perf_counter() - began < patient(1.0), "tens of milliseconds on a quiet machine"


def telling(prompt: Prompt) -> Script:
    return Script(("As the fine-tuned model, ", "I say hello.") if is_tuned(prompt) else ("hello",))


async def test_such_a_duel_is_shown_as_one_after_the_close_and_is_no_evidence(tmp_path: Path) -> None:
    async with scripted_app(tmp_path / "duels.sqlite3", telling) as (app, _):
        duel = await answered_duel(app)
        assert "says which side" not in duel.note, "nothing before the close"
        closed = await cast(app, duel.id, "ann", Choice.RIGHT)
        assert closed.note.endswith("One answer says which side it is (“as the fine-tuned model”), so this does not count for the verdict.")
        found = await app.judging.verdict()
        assert isinstance(found, Verdict) and found.duels == 0 and found.absent[Absence.SAYS_WHO] == 1
        assert "In 1 duel an answer says which side it is; that is not counted." in found.words
        by_hand = await answered_duel(app, quorum=2)
        await cast(app, by_hand.id, "ann", Choice.RIGHT)
        note = (await close(app, by_hand.id)).note
        assert "says which side it is" in note and note.endswith("so it does not count for the verdict.")
        again = await app.judging.verdict()
        assert isinstance(again, Verdict) and again.absent[Absence.SAYS_WHO] == 2 and again.absent[Absence.BY_HAND] == 0


async def test_the_export_of_a_server_says_how_many_and_which_once_they_are_closed(tmp_path: Path) -> None:
    async with staged(tmp_path, telling, discord_quorum=1) as stage:
        ann, boss = stage.member("ann"), admin(stage)
        await voted(stage, ann, "one", "Tie")
        await ann.slash(stage.channel, "compare", request="still open")
        result = await boss.slash(stage.channel, "export")
        assert "2 duels, of which 1 is no evidence, as an answer says which side it is." in stage.shown(result.response)
        duels = [json.loads(line) for line in texts_in(stage, result.response)["duels.jsonl"].splitlines()]
        assert [duel["says_who"] for duel in duels] == ["as the fine-tuned model", ""]
        assert counted_words(await stage.app.looking.export("none")) == ""
