"""The menu of every message, and the form that it opens."""

from pathlib import Path
from typing import Any
from unittest.mock import patch

from bot.fronts.discord import words
from bot.fronts.discord.bot import DuelBot
from bot.fronts.discord.commands import menus
from bot.settings import Settings
from tests.bot.fronts.discord_stage import Stage, staged, texts_in, walk_components


async def test_any_message_can_be_compared_from_its_menu(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "Is tea better than coffee?")
        result = await ann.context_menu(stage.channel, "Compare answers", message)
        assert "> Is tea better than coffee?" in stage.shown(result.response)


async def test_a_message_can_be_the_context_of_a_request_that_is_typed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        shown = await ann.context_menu(stage.channel, "Compare with this context", message)
        result = await ann.submit_modal(shown, {"request": "Prompt or fine-tune?", **prefilled(shown)})
        assert "> Prompt or fine-tune?" in stage.shown(result.response)
        told = [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]
        assert told == ["We have 40 tickets.\n\nPrompt or fine-tune?"]


def prefilled(opened: Any) -> dict[str, str]:
    """What a form's fields hold already, which Discord's clients send back; simcord does not."""
    return {part["custom_id"]: part["value"] for part in walk_components(opened.modal["components"]) if part.get("value")}


async def test_a_form_that_outlived_its_process_is_carried_out_as_if_nothing_had_happened(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        opened = await ann.context_menu(stage.channel, "Compare with this context", message)
        await stage.env.restart_bot(DuelBot(stage.app, Settings(), shard_count=1))
        result = await ann.submit_modal(opened, {"request": "Prompt or fine-tune?", **prefilled(opened)})
        assert "[Tie]" in stage.shown(result.response)
        assert told_last(stage) == ["We have 40 tickets.\n\nPrompt or fine-tune?"]


async def test_what_was_typed_into_a_form_is_given_back_when_it_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_person_per_day=1) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="the only one")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        for typed in ("Prompt\n```or``` fine-tune?", "long " * 790):
            opened = await ann.context_menu(stage.channel, "Compare with this context", message)
            result = await ann.submit_modal(opened, {"request": typed, **prefilled(opened)})
            assert result.response is None and all(said.ephemeral for said in result.followups)
            said = "\n".join(stage.shown(each) for each in result.followups)
            assert "1 is the limit" in said
            assert typed in said or texts_in(stage, result.followups[-1]) == {"typed.md": typed}


async def test_a_form_of_an_earlier_version_gives_its_text_back(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        with patch.object(menus, "CONTEXT", "context:0123456789abcdef"):
            opened = await ann.context_menu(stage.channel, "Compare with this context", message)
        said = stage.told(await ann.submit_modal(opened, {"request": "Prompt or fine-tune?"}))
        assert said.startswith(words.OLD_FORM)
        assert "Prompt or fine-tune?" in said


def told_last(stage: Stage) -> list[str]:
    """What both sides were told last, of people's words."""
    return [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]
