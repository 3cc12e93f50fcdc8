"""What a bot that was killed leaves on a loopback Discord, and the next one goes on with."""

import json
from pathlib import Path

import pytest

from bot.ballots import Choice
from bot.words import CHOICES
from tests.bot.socket_stage import assert_clean, built, closed, streaming, votable
from tests.loopback.actors import Attached

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.process]
LEFT, RIGHT = CHOICES[Choice.LEFT], CHOICES[Choice.RIGHT]


async def test_a_vote_goes_on_after_the_bot_was_killed(tmp_path: Path) -> None:
    async with built(tmp_path) as stage:
        ada, bob, calm, busy = stage.ada, stage.bob, stage.channel(), stage.channel()
        async with stage.running() as first:
            voted = await ada.answer_to(await ada.mention(calm, "voted before the end"), votable)
            await (await ada.click(voted, LEFT)).answered()
            broken = await ada.answer_to(await ada.mention(busy, "slow 900"), streaming)
            first.process.kill()
            await first.process.wait()
        async with stage.running():
            await ada.sees(busy, lambda found: found is broken and "Stop" not in found.labels, "the broken duel marked")
            await (await bob.click(voted, RIGHT)).acknowledged()
            await ada.sees(calm, lambda found: found is voted and closed(found), "the reveal")
            assert "2 votes" in voted.text
            assert len(stage.discord.calls_to("PUT", "/commands")) == 1, "commands are synced only when they changed"
            assert_clean(stage)


async def test_a_file_of_requests_goes_on_after_the_bot_was_killed(tmp_path: Path) -> None:
    async with built(tmp_path) as stage:
        place, asked = stage.channel(), ["the first", "slow 150 the second", "the third"]
        async with stage.running() as first:
            lines = "\n".join(map(json.dumps, asked)).encode()
            progress = await (await stage.ada.slash(place, "compare", file=Attached("some.jsonl", lines))).answered()
            await stage.ada.sees(place, lambda found: found is progress and "1 of 3" in found.text, "a request answered")
            first.process.kill()
            await first.process.wait()
        assert "1 of 3 requests answered** …" in progress.text, "nobody was there to say otherwise"
        async with stage.running() as second:
            await stage.ada.sees(place, lambda found: "slow 150 the second" in found.text and "Stop" not in found.labels, "two answers")
            await stage.ada.sees(place, lambda found: found is progress and "3 of 3 requests answered**\nDone." in found.text, "the end")
            await stage.ada.sees(place, lambda found: "the third" in found.text and votable(found), "the last of them")
            duels = [note for note in stage.discord.world.of_bot(place) if votable(note)]
            assert sorted(request for note in duels for request in asked if request in note.text) == sorted(asked)
            assert stage.stored("SELECT state, count(*) FROM duels GROUP BY state ORDER BY state") == [("open", 3), ("void", 1)]
            await stage.until_stored("SELECT count(*) FROM runs", 0)
            assert stage.stored("SELECT count(*) FROM run_rows") == [(0,)]
            assert second.running
            assert_clean(stage)


async def test_a_form_that_was_open_when_the_bot_was_killed_is_carried_out(tmp_path: Path) -> None:
    async with built(tmp_path) as stage:
        place = stage.channel()
        async with stage.running() as first:
            posted = await stage.bob.post(place, "We have 40 tickets.")
            opened = await (await stage.ada.menu(place, "Compare with this context", posted)).acknowledged()
            first.process.kill()
            await first.process.wait()
        async with stage.running():
            await (await stage.ada.submit(opened, request="Prompt or fine-tune?")).answered(votable, "two answers")
            assert stage.stored("SELECT turns FROM prologues") == [('[["user", "We have 40 tickets."]]',)]
            assert_clean(stage)
