"""Other commands on Discord: /help, /recipe, /adapter, /settings, /export; and a bug in any of them."""

import json
from pathlib import Path
from typing import Any

from tests.bot.fronts.discord_stage import admin, staged, texts_in, voted


async def test_help_answers_to_the_asker_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        said = await stage.member("ann").slash(stage.channel, "help")
        assert said.ephemeral
        assert "Duelbot settles" in stage.shown(said.response)


async def test_recipes_are_listed_shown_and_used_by_admins(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, boss = stage.member("ann"), admin(stage)
        listed = stage.shown((await ann.slash(stage.channel, "recipe list")).response)
        assert "- house@1 · It is what the settings name. · **used here**" in listed
        assert "You are the house." in stage.shown((await ann.slash(stage.channel, "recipe show", name="house")).response)
        assert "permission Manage Server" in stage.shown((await ann.slash(stage.channel, "recipe use", name="plain")).response)
        assert "From now on" in stage.shown((await boss.slash(stage.channel, "recipe use", name="plain")).response)
        assert "- plain@1 · It ships with Duelbot. · **used here**" in stage.shown((await ann.slash(stage.channel, "recipe list")).response)
        assert {"name": "plain", "value": "plain"} in await ann.autocomplete(stage.channel, "compare", "recipe", "pl")


async def test_the_adapter_is_described_and_another_one_refused(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        listed = stage.shown((await ann.slash(stage.channel, "adapter list")).response)
        assert "- demo@1 · **used here**" in listed and "- desk@2 · It was made for base revision" in listed
        assert "### Adapter demo@1\nIn use." in stage.shown((await ann.slash(stage.channel, "adapter info", name="demo@1")).response)
        assert "right team of 17: 67.1%" in stage.shown((await ann.slash(stage.channel, "adapter info", name="desk")).response)
        assert "There is no adapter 'other' here" in stage.shown((await ann.slash(stage.channel, "adapter info", name="other")).response)
        assert [each["value"] for each in await ann.autocomplete(stage.channel, "adapter info", "name", "")] == ["demo@1"]


async def test_settings_are_for_admins_and_change_how_votes_close(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, boss = stage.member("ann"), admin(stage)
        assert "settings" not in ann.available_commands(stage.channel)
        assert "export" not in ann.available_commands(stage.channel)
        said = await boss.slash(stage.channel, "settings", quorum=1, deadline_hours=2.5)
        assert "closes at **1** vote, or after **2.5** hours" in stage.shown(said.response)
        shown = await voted(stage, ann, "hello", "Tie")
        assert "1 vote: tie." in stage.shown(shown)
        assert "closes at **3** votes" in stage.shown((await boss.slash(stage.channel, "settings", reset=True)).response)


async def test_roles_say_who_may_ask_and_who_may_vote(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        boss, ann = admin(stage), stage.member("ann")
        experts = stage.guild.create_role("experts")
        eve = stage.member("eve", roles=[experts])
        await boss.slash(stage.channel, "settings", vote_role=experts, ask_role=experts, quorum=1)
        refused = await ann.slash(stage.channel, "compare", request="hello")
        assert "only members with a certain role may ask" in stage.told(refused)
        shown = await eve.slash(stage.channel, "compare", request="hello")
        late = await ann.click(shown.response, label="Tie")
        assert "only members with a certain role may vote" in stage.shown(late.response)
        assert "only members" not in stage.shown((await eve.click(shown.response, label="Tie")).response)


async def test_the_export_numbers_voters_and_keeps_open_votes_and_private_duels_out(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=2) as stage:
        ann, bob, boss = stage.member("ann"), stage.member("bob"), admin(stage)
        shown = await voted(stage, ann, "=SUM(A1) one", "A is better")
        await bob.click(shown, label="Both bad")
        await voted(stage, ann, "still open", "B is better")
        await voted(stage, ann, "mine alone", "B is better", visible="me")
        result = await boss.slash(stage.channel, "export")
        assert result.ephemeral
        files = texts_in(stage, result.response)
        assert set(files) == {"duels.csv", "duels.jsonl", "ballots.csv", "ballots.jsonl"}
        ballots = [json.loads(line) for line in files["ballots.jsonl"].splitlines()]
        assert [(row["voter"], row["choice"], row["better_arm"]) for row in ballots] == [(1, "left", "prompted"), (2, "both_bad", None)]
        duels = [json.loads(line) for line in files["duels.jsonl"].splitlines()]
        assert [duel["request"] for duel in duels] == ["=SUM(A1) one", "still open"]
        assert [duel["left_arm"] for duel in duels] == ["prompted", None], "an open vote stays blind"
        assert ",'=SUM(A1) one," in files["duels.csv"], "no cell begins like a formula"
        assert str(ann.id) not in "".join(files.values())


async def test_a_bug_in_a_command_becomes_words(tmp_path: Path, monkeypatch: Any) -> None:
    async with staged(tmp_path) as stage:
        monkeypatch.setattr(stage.app.looking, "results", None)
        said = await stage.member("ann").slash(stage.channel, "results")
        assert "An error in Duelbot" in stage.shown(said.response)


async def test_an_admin_edits_a_recipe_in_a_form_and_it_answers_this_server_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann, boss = stage.member("ann"), admin(stage)
        assert "permission Manage Server" in stage.shown((await ann.slash(stage.channel, "recipe edit")).response)
        opened = await boss.slash(stage.channel, "recipe edit")
        typed = {"system": "For {{team}}: be brief.", "template": "{request}", "reason": "shorter", "use": "Yes"}
        said = stage.shown((await boss.submit_modal(opened, typed)).response)
        assert "house 2 is kept. It answers here from now on" in said
        shown = await voted(stage, ann, "hello", "Tie", visible="me")
        assert shown and [each.messages[0].content for each in stage.backend.prompts if each.adapter is None] == [
            f"For {stage.guild.name}: be brief."
        ]
        assert str((await stage.app.teams.settings(str(stage.guild.id))).recipe) == "house@2"
        live = stage.app.versions.live(None)
        assert live and str(live.named) == "house 1"  # page and terminal go on with theirs
        again = await boss.slash(stage.channel, "recipe edit", name="house@2")
        refused = await boss.submit_modal(again, {**typed, "system": "Say {{nobody}}.", "use": "no"})
        told = "\n".join(stage.shown(each) for each in (refused.response, *refused.followups) if each)
        assert "which nothing fills" in told and "Say {{nobody}}." in told
