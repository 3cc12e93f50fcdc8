"""The Discord front's ways around trouble: restarts, deadlines, limits, lost permissions, broken edits, guests, secrets."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.app import App
from bot.app.limits import Caps
from bot.app.voting import is_drawn
from bot.ballots import Choice
from bot.fronts.discord import words
from bot.fronts.discord.bot import DuelBot
from bot.settings import Settings
from bot.store.counts import AskedLately
from bot.store.posts import PostRows
from bot.views import ModelState
from engine.backends.scripted import Script
from engine.errors import BadRequest
from tests.bot.fronts.discord_stage import Stage, staged
from tests.bot.scripted import cast, close

COUNTED = "-# For a minute, more of yours that I cannot take is only counted here."


async def asked(stage: Stage, who: Any, request: str = "hello") -> Any:
    await who.send(stage.channel, f"{stage.mention} {request}")
    return stage.last()


async def test_old_buttons_work_after_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        duel = await asked(stage, ann)
        await stage.env.restart_bot(DuelBot(stage.app, Settings.of(discord_blinding_share=0), shard_count=1))
        receipt = await ann.click(duel, label="B is better")
        assert "Your vote: **B is better**" in stage.shown(receipt.response)


async def test_a_message_that_lost_its_last_edit_heals(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        duel = await asked(stage, ann)
        [summary] = await stage.app.looking.history()
        await cast(stage.app, summary.id, "web:someone", Choice.TIE)
        await close(stage.app, summary.id, f"discord:{ann.id}")
        assert "[Tie]" in stage.shown(duel), "closed elsewhere, nobody told Discord"
        await stage.env.advance_time(11)
        assert "1 vote: tie." in stage.shown(duel)
        before = len(stage.env.http_requests)
        await stage.env.advance_time(11)
        assert len(stage.env.http_requests) == before, "what is shown already is not edited"


async def test_a_vote_closes_at_its_deadline_and_the_asker_is_told_once(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_deadline_hours=1.0) as stage:
        ann = stage.member("ann")
        duel = await asked(stage, ann)
        await ann.click(duel, label="A is better")
        stage.clock.ahead = timedelta(hours=2)
        await stage.env.advance_time(11)
        assert "1 vote: A is better." in stage.shown(duel)
        assert stage.shown(stage.last()).startswith(f"{ann.mention}, the vote on “hello” has closed.")
        count = len(stage.texts())
        await stage.env.advance_time(30)
        assert len(stage.texts()) == count


async def test_where_the_bot_may_not_write_the_asker_is_told_directly(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=403, code=50013)
        stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=403, code=50013)
        await ann.send(stage.channel, f"{stage.mention} hello")
        assert stage.shown(stage.last(ann.user.dm_channel)) == f"{words.NO_SENDING}\n{COUNTED}"
        assert [summary.state for summary in await stage.app.looking.history()] == ["void"]


async def test_without_the_right_to_read_history_it_writes_without_replying(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=400, code=160002)
        duel = await asked(stage, stage.member("ann"))
        assert "[Tie]" in stage.shown(duel)
        assert duel.reference is None


async def test_an_edit_that_discord_refuses_for_good_is_not_repeated_for_ever(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        duel = await asked(stage, ann)
        stage.env.inject_error("PATCH", "/channels/*/messages/*", status=400, code=50035)
        await ann.click(duel, label="Tie")
        before = len(stage.env.http_requests)
        await stage.env.advance_time(25)
        assert len(stage.env.http_requests) == before


async def test_an_edit_that_fails_for_now_lands_later(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        duel = await asked(stage, ann)
        stage.env.inject_error("PATCH", "/channels/*/messages/*", status=503)
        await ann.click(duel, label="Tie")
        await stage.env.advance_time(30)
        assert "1 vote: tie." in stage.shown(duel)


async def test_some_voters_are_asked_which_side_is_which(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_blinding_share=1.0) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        duel = await asked(stage, ann)
        receipt = await ann.click(duel, label="Tie")
        assert "which answer do you take for the fine-tune?" in stage.shown(receipt.response)
        await ann.click(receipt.response, label="B")
        assert "Your guess is kept" in stage.shown(receipt.response)
        unsure = await bob.click(duel, label="Tie")
        await bob.click(unsure.response, label="I can't tell")
        async with stage.app.core.store.reading() as look:
            rows = await look.rows("SELECT voter, entrant FROM guesses ORDER BY guessed_at")
        assert [tuple(row) for row in rows] == [(f"discord:{ann.id}", 1), (f"discord:{bob.id}", None)]


async def test_whose_vote_shows_who_was_who_is_asked_before(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_blinding_share=1.0) as stage:
        ann = stage.member("ann").user
        message = (await ann.slash("compare", request="hello")).response
        await ann.click(message, label="B is better")
        asked = stage.shown(message)
        assert "Your vote: **B is better**." in asked and "which answer do you take for the fine-tune?" in asked
        assert "1 vote" not in asked and "[A is better]" not in asked
        await ann.click(message, label="A")
        assert "1 vote: B is better." in stage.shown(message)
        async with stage.app.core.store.reading() as look:
            assert [tuple(row) for row in await look.rows("SELECT voter, entrant FROM guesses")] == [(f"discord:{ann.id}", 0)]


def test_a_share_of_ballots_is_asked_always_the_same_ones() -> None:
    drawn = [is_drawn("d" * 32, f"discord:{number}", 0.1) for number in range(4000)]
    assert 300 < sum(drawn) < 500
    assert drawn == [is_drawn("d" * 32, f"discord:{number}", 0.1) for number in range(4000)]


async def test_while_leaving_requests_are_refused_politely_and_running_ones_get_a_last_edit(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("Once ", "|", "upon"))) as stage:
        ann = stage.member("ann")
        duel = await asked(stage, ann)
        await stage.bot.parts.desk.leave()
        assert words.INTERRUPTED in stage.shown(duel)
        assert "Once" in stage.shown(duel)
        assert stage.shown(await asked(stage, stage.member("bob"))) == f"{words.LEAVING}\n{COUNTED}"


async def test_waiting_requests_say_how_many_are_ahead(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("|", "words"))) as stage:
        for name in ("ann", "bob", "eve"):
            await asked(stage, stage.member(name))
        assert "2 ahead of you" in stage.shown(stage.last())


async def test_a_model_that_could_not_be_loaded_is_said_in_its_own_words(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.app.core.model.state = ModelState("failed", "There is no adapter folder ./lora.")
        assert stage.shown(await asked(stage, stage.member("ann"))) == f"There is no adapter folder ./lora.\n{COUNTED}"


async def test_a_request_that_is_too_long_is_said(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        said = await stage.member("ann").slash(stage.channel, "compare", file=("long.txt", b"x" * 20_001))
        assert "The request has 20,001 characters; at most 20,000 are accepted." in stage.told(said)


async def test_compare_in_a_direct_message_closes_on_the_first_vote(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann").user
        result = await ann.slash("compare", request="hello")
        await ann.click(result.response, label="B is better")
        assert "1 vote: B is better." in stage.shown(result.response)


async def test_a_thread_is_answered_in_the_thread(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await ann.send(stage.channel, "Let us talk")
        real = await stage.bot.get_channel(stage.channel.id).fetch_message(message.id)  # type: ignore[union-attr]
        await real.create_thread(name="talk")
        [thread] = stage.channel.threads
        await ann.send(thread, f"{stage.mention} hello")
        assert "[Tie]" in stage.shown(stage.last(thread))


async def test_looking_for_stale_messages_reads_no_settled_ones(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage, stage.app.core.store.reading() as look:
        plan: list[str] = []
        rows = look.rows

        async def explained(sql: str, values: Any = ()) -> list[Any]:
            plan.extend(row["detail"] for row in await rows(f"EXPLAIN QUERY PLAN {sql}", values))
            return []

        look.rows = explained  # type: ignore[method-assign]
        await PostRows(look).stale(50)
        assert any("posts_unsettled" in step for step in plan), plan


async def test_a_full_queue_is_said(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("|", "words")), discord_in_flight=1) as stage:
        await asked(stage, stage.member("ann"))
        assert "The queue is full: 1 request is being answered" in stage.shown(await asked(stage, stage.member("bob")))


@pytest.mark.parametrize(
    ("used", "said"),
    [
        (AskedLately(3, 0, 0, 0.0), "You have 3 requests being answered, and 3 is the limit."),
        (AskedLately(0, 5, 9, 0.0), "You have asked 5 requests within a minute, and 5 is the limit."),
        (AskedLately(0, 0, 50, 0.0), "You have asked 50 requests within 24 hours, and 50 is the limit."),
        (AskedLately(0, 0, 0, 2.004), "You have spent the daily budget: the answers of the last 24 hours cost $2.00 of $2.00."),
    ],
)
def test_each_limit_has_a_sentence_of_its_own(used: AskedLately, said: str) -> None:
    refusal = Caps("You have", 3, 5, 50, 2.0).refusal(used)
    assert refusal is not None
    assert refusal.startswith(said)


def test_below_every_limit_nothing_is_refused_and_a_file_is_not_counted_by_the_minute() -> None:
    limits = Caps("You have", 3, 5, 50, 2.0)
    assert limits.refusal(AskedLately(2, 4, 49, 1.99)) is None
    assert limits.refusal(AskedLately(3, 5, 49, 1.99), paced=True) is None
    assert limits.refusal(AskedLately(3, 5, 50, 1.99), paced=True) is not None


async def test_a_servers_budget_counts_everybody_in_it(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_server_usd_per_day=0.0000001) as stage:
        await asked(stage, stage.member("ann"))
        assert "This server has spent the daily budget" in stage.shown(await asked(stage, stage.member("bob")))


async def test_with_the_content_intent_a_reply_to_anybody_brings_what_it_replies_to(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_content_intent=True) as stage:
        assert stage.bot.intents.message_content
        told = await stage.member("bob").send(stage.channel, "We have 40 tickets.")
        await stage.member("ann").send(stage.channel, f"{stage.mention} Prompt or fine-tune?", reply_to=told)
        said = [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"]
        assert said == ["We have 40 tickets.\n\nPrompt or fine-tune?"]


async def test_no_privileged_intent_is_asked_for_and_nobody_is_ever_pinged(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        privileged = (stage.bot.intents.message_content, stage.bot.intents.members, stage.bot.intents.presences)
        assert privileged == (False, False, False)
        ann = stage.member("ann")
        duel = await asked(stage, ann, "@everyone <@&1>")
        await ann.click(duel, label="Tie")
        await ann.click(duel, label="Close the vote")
        sent = [call.json for call in stage.env.http_requests if call.json and "components" in call.json]
        assert sent
        for body in sent:
            assert body["allowed_mentions"]["parse"] == []
            assert not body["allowed_mentions"].get("replied_user")


async def test_links_are_never_unfurled_however_a_message_is_written(tmp_path: Path) -> None:
    link = Script(("see https://example.org ", "and [this](https://example.org)"))
    async with staged(tmp_path, lambda _: link) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="one")
        mine = await ann.slash(stage.channel, "compare", request="two", visible="me")
        assert "example.org" in stage.shown(mine.response)
        await ann.slash(stage.channel, "help")
        await asked(stage, ann, "three")
        written = [call.json for call in stage.env.http_requests if call.json and "/callback" not in call.path]
        written += [call.json["data"] for call in stage.env.http_requests if "/callback" in call.path and "data" in call.json]
        sheets = [body for body in written if "components" in body]
        assert len(sheets) > 5
        assert [body for body in sheets if not body["flags"] & discord.MessageFlags.suppress_embeds.flag] == []


async def test_the_page_alone_needs_no_token_and_a_token_is_never_shown() -> None:
    settings = Settings.read({"DISCORD_TOKEN": "very.secret.token"}, None)
    assert "secret" not in repr(settings)
    assert settings.discord.token.get_secret_value() == "very.secret.token"
    assert Settings.read({}, None).discord.token.get_secret_value() == ""


async def test_a_private_duel_is_its_askers_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.slash(stage.channel, "compare", request="mine", visible="me")
        [summary] = await stage.app.looking.history()
        with pytest.raises(Exception, match="asker alone"):
            await stage.app.looking.shown(summary.id, "discord:999")
        with pytest.raises(Exception, match="Only its asker votes"):
            await stage.app.voting.cast(summary.id, "discord:999", Choice.TIE)


async def test_a_reply_to_a_duel_of_another_channel_begins_anew(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        duel = await asked(stage, ann, "secret of this channel")
        [summary] = await stage.app.looking.history()
        order = {"text": "x", "asker": "discord:1", "event": "message:77", "team": None, "channel": "55", "reply_to": (str(duel.id),)}
        from bot.app.orders import Order

        view = (await stage.app.asking.ask(Order(**order))).view  # type: ignore[arg-type]
        assert view.conversation != summary.conversation


async def test_an_unknown_recipe_of_a_path_is_not_read(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        with pytest.raises(BadRequest, match="There is no recipe"):
            await stage.app.choices.recipe("/etc/passwd.toml")
        assert isinstance(stage.app, App)
