"""Asking and voting on Discord, from the message to the reveal: the real bot on a Discord within the process."""

from pathlib import Path

from bot.fronts.discord.bot import DuelBot
from bot.settings import Settings
from bot.store.posts import PostRows
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from engine.errors import BackendError
from tests.bot.fronts.discord_stage import calls, staged
from tests.bot.scripted import is_tuned


async def test_a_mention_is_answered_twice_voted_on_and_revealed(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=2) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        await ann.send(stage.channel, f"{stage.mention} Prompt or fine-tune?")
        duel = stage.last()
        assert duel.reference.message_id == stage.channel.history()[0].id
        assert "prompted says hi" in stage.shown(duel)
        assert "Nobody has voted yet. Closes at 2 votes" in stage.shown(duel)
        receipt = await ann.click(duel, label="A is better")
        assert receipt.ephemeral
        assert "Your vote: **A is better**" in stage.shown(receipt.response)
        assert "1 has voted." in stage.shown(duel)
        for word in ("prompt**", "fine-tune", "1 vote: A is better", "$"):
            assert word not in stage.shown(duel), "nothing tells before the close"
        await bob.click(duel, label="Tie")
        assert "**A was the prompt** (recipe house 1)\n**B was the fine-tune** (recipe plain 1, adapter demo 1)" in stage.shown(duel)
        assert "2 votes: A is better (1), tie (1)." in stage.shown(duel)
        assert "per 1,000" in stage.shown(duel)
        assert "[A is better]" not in stage.shown(duel)
        assert stage.shown(stage.last()).startswith(f"{ann.mention}, the vote on “Prompt or fine-tune?” has closed."), "the asker is told"


async def test_a_direct_message_closes_on_the_first_vote_and_goes_on_until_new(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann").user
        await ann.send_dm("First request")
        duel = stage.last(ann.dm_channel)
        await ann.click(duel, label="B is better")
        assert "**B was the fine-tune**" in stage.shown(duel)
        assert "goes on with answer B, the better one" in stage.shown(duel)
        await ann.send_dm("Second request")
        assert [message.content for message in stage.backend.prompts[-1].messages][-3:] == [
            "First request",
            "tuned says hello",
            "Second request",
        ]
        said = await ann.slash("new")
        assert "begins a new conversation" in stage.shown(said.response)
        await ann.send_dm("Third request")
        assert [message.content for message in stage.backend.prompts[-1].messages][-1:] == ["Third request"]
        assert "Second request" not in [message.content for message in stage.backend.prompts[-1].messages]


async def test_a_reply_goes_on_with_the_chain_and_an_older_reply_branches_off(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} one")
        first = stage.last()
        await ann.send(stage.channel, f"{stage.mention} two", reply_to=first)
        second = stage.last()
        await ann.send(stage.channel, f"{stage.mention} three", reply_to=second)
        last = [message.content for message in stage.backend.prompts[-1].messages if message.role == "user"]
        assert last[-3:] == ["one", "two", "three"]
        await ann.send(stage.channel, f"{stage.mention} other", reply_to=first)
        branch = [message.content for message in stage.backend.prompts[-1].messages if message.role == "user"]
        assert branch[-2:] == ["one", "other"]
        await ann.send(stage.channel, f"{stage.mention} more", reply_to=stage.last())
        branch = [message.content for message in stage.backend.prompts[-1].messages if message.role == "user"]
        assert branch[-3:] == ["one", "other", "more"], "the branch remembers where it came from"


async def test_a_reply_to_the_news_of_a_close_goes_on_with_that_conversation(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        shown = await ann.slash(stage.channel, "compare", request="one")
        await stage.member("bob").click(shown.response, label="Tie")
        assert "has closed" in stage.shown(stage.last())
        await ann.send(stage.channel, f"{stage.mention} two", reply_to=stage.last())
        assert [part.content for part in stage.backend.prompts[-1].messages if part.role == "user"] == ["one", "two"]


async def test_compare_shows_the_request_and_can_be_for_me_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        result = await ann.slash(stage.channel, "compare", request="Is it **bold**?")
        assert not result.ephemeral
        assert stage.shown(result.response).startswith(f"-# {ann.mention} asked\n> Is it **bold**?\n### A")
        mine = await ann.slash(stage.channel, "compare", request="Mine", visible="me")
        assert mine.ephemeral
        await ann.click(mine.response, label="Both bad")
        assert "1 vote: both bad." in stage.shown(mine.response)


async def test_a_vote_can_be_changed_and_taken_back_until_the_close(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=3) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} hello")
        duel = stage.last()
        await ann.click(duel, label="A is better")
        receipt = await ann.click(duel, label="B is better")
        assert "1 has voted." in stage.shown(duel)
        await ann.click(receipt.response, label="Undo my vote")
        assert "Nobody has voted yet." in stage.shown(duel)
        assert "taken back" in stage.shown(receipt.response)
        await ann.click(duel, label="Tie")
        refused = await stage.member("bob").click(duel, label="Close the vote")
        assert "Only the one who asked, or a moderator, can close this vote." in stage.shown(refused.followups[0])
        await ann.click(duel, label="Close the vote")
        assert "1 vote: tie." in stage.shown(duel)
        assert "has closed" not in stage.shown(stage.last()), "who closes it is not told of it"
        late = await ann.click(receipt.response, label="Undo my vote") if "Undo" in stage.shown(receipt.response) else None
        assert late is None


async def test_where_one_vote_closes_the_asker_may_close_too_and_is_told_if_it_was_anothers(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} one")
        duel = stage.last()
        assert "Nobody has voted yet. Closes at the first vote or <t:" in stage.shown(duel)
        assert "[Close the vote]" in stage.shown(duel)
        await stage.member("bob").click(duel, label="Tie")
        assert stage.shown(stage.last()).startswith(f"{ann.mention}, the vote on “one” has closed.")
        await ann.send(stage.channel, f"{stage.mention} two")
        own = stage.last()
        await ann.click(own, label="Tie")
        await stage.env.advance_time(11)
        assert stage.last().id == own.id, "whose own ballot closes it sees it"


async def test_the_news_of_a_close_that_discord_refuses_for_now_comes_later_and_once(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_quorum=1) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} one")
        duel = stage.last()
        stage.env.inject_error("POST", f"/channels/{stage.channel.id}/messages", status=503)
        await stage.member("bob").click(duel, label="Tie")
        await stage.env.advance_time(30)
        told = [text for text in stage.texts() if "the vote on “one” has closed" in text]
        assert len(told) == 1


async def test_only_the_asker_closes_and_stops(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("Once ", "|", "upon"))) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        await ann.send(stage.channel, f"{stage.mention} a story")
        duel = stage.last()
        assert "Answering …" in stage.shown(duel)
        refused = await bob.click(duel, label="Stop")
        assert "Only the one who asked can stop this." in stage.shown(refused.followups[0])
        await ann.click(duel, label="Stop")
        assert "[Ask again]" in stage.shown(duel)
        assert "Once" in stage.shown(duel)
        stage.backend.release()
        await ann.click(duel, label="Ask again")
        again = stage.last()
        assert again.id != duel.id
        assert "Both sides agree here" in stage.shown(again)


def agrees(prompt: Prompt) -> Script:
    asked = prompt.messages[-1].content
    return Script(("Same.",) if "same" in asked else (f"{is_tuned(prompt)} on {asked}",))


async def test_under_equal_answers_a_button_asks_a_request_on_which_they_differ(tmp_path: Path) -> None:
    async with staged(tmp_path, agrees) as stage:
        ann, bob = stage.member("ann"), stage.member("bob")
        await ann.send(stage.channel, f"{stage.mention} the same again")
        duel = stage.last()
        agreed = stage.shown(duel)
        assert "Both sides agree here" in agreed and "Nobody voted" not in agreed
        assert f"> {stage.app.examples[0]}\n[Try it]" in agreed
        assert not [text for text in stage.texts() if "has closed" in text], "there was no vote"
        await bob.click(duel, label="Try it")
        tried = stage.last()
        assert tried.id != duel.id and stage.app.examples[0] in stage.shown(tried) and "[A is better]" in stage.shown(tried)
        newest, *_ = await stage.app.looking.history()
        assert (newest.turn, newest.state) == (1, "open")
        await stage.env.restart_bot(DuelBot(stage.app, Settings(), shard_count=1))
        await bob.click(duel, label="Try it")
        assert stage.app.examples[0] in stage.shown(stage.last()), "the button asks what its message says, whatever came since"


async def test_what_is_offered_in_private_is_asked_in_private(tmp_path: Path) -> None:
    async with staged(tmp_path, agrees) as stage:
        ann = stage.member("ann")
        shown = await ann.slash(stage.channel, "compare", request="the same again", visible="me")
        tried = await ann.click(shown.response, label="Try it")
        assert tried.ephemeral and "[A is better]" in stage.shown(tried.response)
        newest, older = await stage.app.looking.history()
        posts = [await stage.app.posting.of(each.id) for each in (newest, older)]
        assert newest.request == stage.app.examples[0] and all(post.private for post in posts)


async def test_a_recipe_of_a_server_offers_no_button_that_may_lead_nowhere(tmp_path: Path) -> None:
    async with staged(tmp_path, agrees) as stage:
        ann = stage.member("ann")
        shown = await ann.slash(stage.channel, "compare", request="the same again", recipe="plain")
        said = stage.shown(shown.response)
        assert "Ask about something else." in said and "[Try it]" not in said


async def test_a_deleted_message_stops_both_streams(tmp_path: Path) -> None:
    async with staged(tmp_path, lambda _: Script(("Once ", "|", "upon"))) as stage:
        ann = stage.member(
            "ann", roles=[stage.guild.create_role("mods", permissions=__import__("discord").Permissions(manage_messages=True))]
        )
        await ann.send(stage.channel, f"{stage.mention} a story")
        await ann.delete(stage.last())
        [summary] = await stage.app.looking.history()
        assert summary.state == "void"
        assert stage.backend.running == 0


async def test_a_failed_side_is_said_and_the_other_is_shown_without_votes(tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Script:
        return Script(("half",), error=BackendError("server", "The server went away.")) if is_tuned(prompt) else Script(("whole",))

    async with staged(tmp_path, script) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} hello")
        said = stage.shown(stage.last())
        assert "whole" in said
        assert "⚠ The server went away." in said
        assert "[A is better]" not in said
        assert "[Ask again]" in said


async def test_the_same_message_twice_is_one_duel_also_after_a_restart(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        message = await ann.send(stage.channel, f"{stage.mention} hello")
        await stage.bot.on_message(message)
        stage.bot.parts.repeats._ids.clear()  # as after a restart
        await stage.bot.on_message(message)
        assert len(await stage.app.looking.history()) == 1
        assert len(stage.texts()) == 2


async def test_messages_for_others_are_left_alone(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.member("ann").send(stage.channel, "hello everybody")
        assert len(stage.texts()) == 1


async def test_a_mention_without_a_request_is_told_how(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.member("ann").send(stage.channel, f"{stage.mention}  ")
        assert "Write your request in the same message." in stage.shown(stage.last())


async def test_no_post_is_left_behind_when_the_store_refuses_the_duel(tmp_path: Path) -> None:
    async with staged(tmp_path, discord_person_per_minute=1) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} one")
        await ann.send(stage.channel, f"{stage.mention} two")
        assert stage.shown(stage.last()).startswith("You have asked 1 request within a minute, and 1 is the limit. Wait a minute.")
        assert len(await stage.app.looking.history()) == 1
        async with stage.app.core.store.reading() as look:
            assert await PostRows(look).stale(10) == []


async def test_a_click_adopts_the_message_that_nobody_knew_of_and_draws_it_anew(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} hello")
        duel = stage.last()
        [summary] = await stage.app.looking.history()
        async with stage.app.core.store.writing() as change:
            await change.rows("UPDATE posts SET message = NULL, shown = ''")
        before = len(calls(stage, "PATCH", "/messages/"))
        await ann.click(duel, label="Tie")
        assert (await stage.app.posting.of(summary.id)).message == str(duel.id)
        assert len(calls(stage, "PATCH", f"/messages/{duel.id}")) > before
        assert "1 has voted." in stage.shown(duel)


async def test_a_command_that_came_too_late_is_not_run_and_a_click_is(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        ann = stage.member("ann")
        await ann.send(stage.channel, f"{stage.mention} hello")
        duel = stage.last()
        stage.env.inject_error("POST", "/interactions/*/*/callback", status=404, code=10062)
        await ann.slash(stage.channel, "compare", request="late")
        assert [summary.request for summary in await stage.app.looking.history()] == ["hello"], "its sender was told that nobody answered"
        stage.env.inject_error("POST", "/interactions/*/*/callback", status=404, code=10062)
        await ann.click(duel, label="Tie")
        assert "1 has voted." in stage.shown(duel)
