"""/adapter on Discord: a server's own adapter, two adapters that meet, and a training with one message."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.train.runs import Status
from bot.app.training import work_folder
from bot.views import Job
from engine.backends.base import Prompt
from engine.backends.scripted import Script
from tests.bot.fronts.discord_stage import Parked, Stage, admin, looks, staged
from tests.bot.scripted import own_adapter

ROWS = [{"request": f"{number} parcels are late in week {number * 7}", "answer": "delivery"} for number in range(3)]


def by_name(prompt: Prompt) -> Script:
    return Script((prompt.adapter.name if prompt.adapter else "prompt",))


async def test_a_server_takes_an_adapter_of_its_own_and_two_adapters_meet(tmp_path: Path) -> None:
    async with staged(tmp_path, by_name, adapters=str(tmp_path / "loras")) as stage:
        own_adapter(tmp_path / "loras")
        boss, ann = admin(stage), stage.member("ann")
        assert "admins (permission Manage Server)" in stage.shown((await ann.slash(stage.channel, "adapter use", name="support")).response)
        said = stage.shown((await boss.slash(stage.channel, "adapter use", name="support")).response)
        assert "takes the adapter support@1 in this server" in said
        assert "- support@1 · **used here**" in stage.shown((await ann.slash(stage.channel, "adapter list")).response)
        assert "Adapter of the fine-tuned side: support@1" in stage.shown((await boss.slash(stage.channel, "settings")).response)
        assert await revealed(stage, boss) == {"house 1", "adapter support 1"}
        await boss.slash(stage.channel, "adapter use")
        assert await revealed(stage, boss) == {"house 1", "adapter demo 1"}
        assert await revealed(stage, boss, against="support@1") == {"adapter demo 1", "adapter support 1"}
        told = stage.told(await boss.slash(stage.channel, "compare", request="x", against="nobody"))
        assert "no adapter 'nobody' here" in told
        for_file = await boss.slash(stage.channel, "compare", file=("all.jsonl", b'"one"'), adapter="support")
        assert "/adapter use sets it" in stage.told(for_file)


async def revealed(stage: Stage, who: Any, **options: str) -> set[str]:
    """Ask, vote, close; what the reveal says of who answered."""
    result = await who.slash(stage.channel, "compare", request="hello", **options)
    await who.click(result.response, label="Tie")
    await who.click(result.response, label="Close the vote")
    shown = stage.shown(result.response)
    return {name for name in ("house 1", "adapter demo 1", "adapter support 1") if name in shown}


class Scripted:
    """Trainings whose process is a script: `ends` says how each ends, once the gate opens; the real process is tests/bot/test_jobs.py's."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage, self.folder, self.gate = stage, folder, Parked(lambda: stage.env)
        made = json.dumps({"name": "support", "version": "1", "figures": {}, "limits": []})
        self.ends = [(2, "", "The disk takes no more. Make room, then go on."), (130, "", ""), (0, made, "")]
        stage.app.jobs._kinds = {"train": self}
        stage.app.jobs._spawned = self.spawned  # type: ignore[method-assign]

    def command(self, job: Job) -> Sequence[str]:
        work = work_folder(self.folder, job)
        work.path.mkdir(parents=True, exist_ok=True)
        work.tell(Status("training", 30, 150, 0.5, left_s=42.0))
        work.curve.add_loss(30, 30, 0.5)
        return ()

    async def spawned(self, job: Job, command: Sequence[str]) -> tuple[int, str, str]:
        await self.gate.wait()
        return self.ends.pop(0)

    async def release(self) -> None:
        self.gate.set()
        self.gate = Parked(lambda: self.stage.env)
        await looks(self.stage)

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        return f"{result['name']}@1 is ready."


async def test_a_training_has_one_message_that_says_how_far_it_is(tmp_path: Path, drawn_once: None) -> None:
    async with staged(tmp_path, adapters=str(tmp_path / "loras")) as stage:
        script = Scripted(stage, tmp_path / "duels.sqlite3.jobs")
        boss, ann = admin(stage), stage.member("ann")
        rows = ("rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS).encode())
        assert "admins" in stage.told(await ann.slash(stage.channel, "adapter train", rows=rows, name="support"))
        twice = ("rows.jsonl", b'{"request": "late", "answer": "a"}\n{"request": "late", "answer": "b"}\n')
        wrong = await boss.slash(stage.channel, "adapter train", rows=twice, name="support")
        assert "contradiction: 2 rows" in stage.told(wrong) and not await stage.app.jobs.latest()
        result = await boss.slash(stage.channel, "adapter train", rows=rows, name="support", prompt_right=39.0)

        def shown() -> str:
            return stage.shown(result.response)

        await looks(stage)
        assert "### Training support\n`████                ` 20% · 42 s left\nTraining, 30 of 150, loss 0.500" in shown()
        await script.release()
        assert "The disk takes no more." in shown() and "[Go on]" in shown()
        refused = await ann.click(result.response, label="Go on")
        assert "admins" in stage.shown(refused.followups[0])
        await boss.click(result.response, label="Go on")
        await looks(stage)
        assert "20% · 42 s left" in shown() and "[Stop]" in shown()
        await boss.click(result.response, label="Stop")
        await script.release()
        assert "Stopped." in shown() and "[Go on]" in shown()
        await boss.click(result.response, label="Go on")
        await script.release()
        assert "support@1 is ready." in shown() and "/compare with `against: support@1`" in shown()
        [job] = await stage.app.jobs.latest()
        assert job.state == "done" and job.message == str(result.response.id) and job.arguments["prompt_right"] == 0.39
        stored = stage.env.backend.get_message(result.response.channel_id, result.response.id)
        assert [each["filename"] for each in stored.attachments] == ["training.png"]
        assert sum("### Training" in text for text in stage.texts()) == 1, "one message, edited"
