"""What reaches people when something breaks off in between: the process is killed, an answer of Discord is lost, a thread is archived."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bot.ballots import Choice
from bot.words import CHOICES
from tests.bot.socket_stage import Stage, built, closed, staged, streaming, votable
from tests.loopback import Person
from tests.loopback.world import Message

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]
LEFT, RIGHT = CHOICES[Choice.LEFT], CHOICES[Choice.RIGHT]
NONCE_OVER_S = 600.0  # Discord has forgotten a nonce by then


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Stage, None]:
    """One bot for all tests that leave it running; each takes channels of its own."""
    async with staged(tmp_path_factory.mktemp("bot")) as stage:
        yield stage


def assert_once_acknowledged(stage: Stage) -> None:
    """Discord complains of nothing but acknowledgements that it had got already, and could not say so."""
    assert [each for each in stage.discord.complaints() if "40060" not in each] == []
    assert "Traceback" not in stage.bot.output, stage.bot.output


async def killed(stage: Stage) -> None:
    stage.bot.process.kill()
    await stage.bot.process.wait()


# --- the first message


@pytest.mark.parametrize("by_command", [False, True], ids=["a mention", "a command"])
@pytest.mark.parametrize("after_s", [0.0, NONCE_OVER_S], ids=["at once", "later"])
async def test_a_first_message_that_a_kill_cut_off_is_found_again_and_its_stop_button_goes(
    tmp_path: Path, by_command: bool, after_s: float
) -> None:
    async with built(tmp_path) as stage:
        channel, faults = stage.channel(), stage.discord.faults
        held = faults.want("PATCH" if by_command else "POST", "@original$" if by_command else "/messages$", when="after", how="hang")
        async with stage.running():
            if by_command:
                await stage.ada.slash(channel, "compare", request="slow 900")
            else:
                await stage.ada.mention(channel, "slow 900")
            note = await stage.ada.sees(channel, lambda note: "Stop" in note.labels)
            assert held.met == 1
            await killed(stage)
        stage.discord.world.skip(after_s)
        async with stage.running():
            await stage.ada.sees(channel, lambda found: found is note and "Stop" not in found.labels, "the broken duel marked")
            assert "Ask again" in note.labels
            assert stage.discord.world.of_bot(channel) == [note]
            await stage.until_stored("SELECT message FROM posts", str(note.id))
            assert stage.discord.complaints() == []


async def test_a_second_message_of_a_duel_leads_to_the_first_when_it_is_clicked(tmp_path: Path) -> None:
    """It is there only if Discord did not let its history be read, and the nonce is over."""
    async with built(tmp_path) as stage:
        channel, faults = stage.channel(), stage.discord.faults
        faults.want("POST", "/messages$", when="after", how="hang")
        async with stage.running():
            await stage.ada.mention(channel, "slow 900")
            second = await stage.ada.sees(channel, lambda note: "Stop" in note.labels)
            await killed(stage)
        stage.discord.world.skip(NONCE_OVER_S)
        faults.want("GET", "/messages$", 403, times=9)
        async with stage.running():
            first = await stage.ada.sees(channel, lambda note: "Ask again" in note.labels)
            assert first is not second
            await stage.ada.click(second, "Stop")
            await stage.ada.sees(channel, lambda note: note is second and first.link in note.text, "the way to the first")
            assert second.labels == []


# --- acknowledgements

LOST: list[dict[str, Any]] = [
    {"status": 500, "when": "after"},
    {"status": 503, "when": "after"},
    {"status": 502, "when": "before"},
    {"how": "drop", "when": "after"},
    {"how": "drop", "when": "before"},
    {"how": "hang", "when": "after"},
]


async def test_whatever_becomes_of_an_acknowledgement_the_vote_counts_and_has_its_receipt(stage: Stage) -> None:
    people = [Person(stage.discord, f"Voter {number}").join(stage.team) for number in range(len(LOST))]

    async def one(voter: Person, lost: dict[str, Any]) -> None:
        channel = stage.channel()
        note = await stage.ada.answer_to(await stage.ada.mention(channel, "hello"), votable)
        vote = stage.discord.interactions
        known = set(vote.all)
        stage.discord.faults.want("POST", f"/interactions/(?!{'|'.join(map(str, known))})\\d+/.*/callback$", **lost)
        clicked = await voter.click(note, LEFT)
        receipt = await clicked.answered(what=f"a receipt after {lost}")
        assert LEFT in receipt.text and receipt.ephemeral
        await stage.ada.sees(channel, lambda found: found is note and "1 has voted" in found.text)
        assert len(clicked.replies) == 1

    for voter, lost in zip(people, LOST, strict=True):  # one after the other: each fault meets the next acknowledgement
        await one(voter, lost)
    assert_once_acknowledged(stage)


@pytest.mark.parametrize("lost", [LOST[1], LOST[3], LOST[5]], ids=["503", "dropped", "silent"])
async def test_whatever_becomes_of_an_acknowledgement_a_command_is_answered(stage: Stage, lost: dict[str, Any]) -> None:
    stage.discord.faults.want("POST", "/callback$", **lost)
    asked = await stage.ada.slash(stage.channel(), "compare", request="hello")
    await asked.answered(votable, "two answers")
    assert len(asked.replies) == 1
    assert_once_acknowledged(stage)


async def test_a_receipt_that_is_lost_is_sent_again_and_one_that_discord_refuses_is_told_in_words_that_are_true(stage: Stage) -> None:
    note = await stage.ada.answer_to(await stage.ada.mention(stage.channel(), "hello"), votable)
    dropped = stage.discord.faults.want("PATCH", "/webhooks/.*@original$", how="drop")
    assert LEFT in (await (await stage.ada.click(note, LEFT)).answered()).text
    refused = stage.discord.faults.want("PATCH", "/webhooks/.*@original$", 400)
    said = await (await stage.bob.click(note, RIGHT)).answered()
    assert said.text.startswith("Your vote is kept.")
    assert (dropped.met, refused.met) == (1, 1)
    await stage.ada.sees(note.channel, lambda found: found is note and closed(found) and "2 votes" in found.text)


# --- archived threads


async def voted_shut(stage: Stage, *, locked: bool) -> Message:
    """A duel in a thread that is archived while its vote closes."""
    thread = await stage.ada.start_thread(stage.channel(), "talk")
    note = await stage.ada.answer_to(await stage.ada.mention(thread, "what now?"), votable)
    await (await stage.bob.click(note, LEFT)).answered()
    await stage.ada.archive(thread, locked=locked)
    await (await stage.cora.join(stage.team).click(note, RIGHT)).answered()
    return note


async def test_the_reveal_opens_a_thread_that_was_archived(stage: Stage) -> None:
    note = await voted_shut(stage, locked=False)
    await stage.ada.sees(note.channel, lambda found: found is note and closed(found), "the reveal")
    assert not note.channel.archived
    await stage.ada.answer_to(note, lambda found: "the vote on “what now?” has closed" in found.text)


async def test_the_reveal_in_a_locked_thread_goes_to_the_asker_and_into_the_thread_when_it_is_opened(stage: Stage) -> None:
    note = await voted_shut(stage, locked=True)
    place = stage.discord.world.dm(stage.ada.user)
    told = await stage.ada.sees(place, lambda found: "what now?" in found.text)
    assert closed(told) and f"<#{note.channel.id}>" in told.text
    assert not closed(note)
    await stage.ada.open_again(note.channel)
    await stage.ada.sees(note.channel, lambda found: found is note and closed(found), "the reveal")
    assert len(stage.discord.world.answers_to(note)) == 0, "the asker knows"
    assert len(stage.discord.world.of_bot(place)) == 1


# --- the news of a close


@pytest.mark.parametrize("when", ["before", "after"])
async def test_the_asker_is_told_once_when_a_kill_came_in_between(tmp_path: Path, when: str) -> None:
    async with built(tmp_path) as stage:
        channel = stage.channel()
        async with stage.running(DUEL_DISCORD_QUORUM="1"):
            note = await stage.ada.answer_to(await stage.ada.mention(channel, "who?"), votable)
            held = stage.discord.faults.want("POST", "/messages$", when=when, how="hang")
            await stage.bob.click(note, LEFT)
            await stage.until(lambda: held.met, "the news on its way")
            await stage.ada.sees(channel, lambda found: found is note and closed(found))
            await stage.until_stored("SELECT told FROM posts", 0)
            await killed(stage)
        async with stage.running(DUEL_DISCORD_QUORUM="1"):
            await stage.ada.answer_to(note, lambda found: "the vote on “who?” has closed" in found.text)
            await stage.until_stored("SELECT told FROM posts", 1)
            assert len(stage.discord.world.answers_to(note)) == 1


# --- who goes first


async def test_eight_duels_of_one_channel_are_shown_as_soon_as_discord_lets_them(stage: Stage) -> None:
    channel, people = stage.channel(), [Person(stage.discord, f"E{number}").join(stage.team) for number in range(8)]
    stage.discord.stalled_s = 0.0
    posted = [await person.mention(channel, "slow 40 of eight") for person in people]
    notes = [await stage.ada.answer_to(each, votable) for each in posted]
    assert [call for call in stage.discord.throttled if str(channel.id) in call.path] == []
    firsts = [next(one.at for one in note.revisions if LEFT in one.labels) for note in notes]
    began = min(call.at for call in stage.discord.calls_to("POST", "/messages") if str(channel.id) in call.path)
    assert max(firsts) - began < 6.5 + stage.discord.stalled_s, "five first messages at once, three 5 s later with both answers"
    assert sorted(firsts)[4] - began < 5.5 + stage.discord.stalled_s, "those that were there at once are not behind the others"


async def test_a_stop_button_that_is_out_of_date_is_drawn_anew_for_whoever_clicks_it(stage: Stage) -> None:
    note = await stage.ada.answer_to(await stage.ada.mention(stage.channel(), "slow 900"), streaming)
    stage.discord.faults.want("PATCH", f"/channels/{note.channel.id}/messages/", 400)
    await stage.until_stored(f"SELECT shown FROM posts WHERE message = '{note.id}'", "gone")
    await (await stage.ada.click(note, "Stop")).acknowledged()
    await stage.ada.sees(note.channel, lambda found: found is note and "Stop" not in found.labels, "the end")
