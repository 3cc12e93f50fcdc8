"""/decide on Discord: one message that follows the steps and ends with the report."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot.app.training import DECIDE
from bot.deciding.order import DecisionFolder, DecisionStatus, StepStatus
from bot.views import Job
from tests.bot.fronts.discord_stage import Parked, Stage, admin, looks, staged


@pytest.fixture(scope="session", autouse=True)
def fonts_are_known() -> None:
    """Load no fonts: nothing is drawn here."""


ROWS = [{"request": f"{number} parcels are late in week {number * 7}", "answer": "delivery"} for number in range(3)]


class ScriptedDecision:
    """A decision whose process is a script; the real process is tests/bot/deciding/test_whole.py's."""

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.folder, self.gate = folder, Parked(lambda: stage.env)
        stage.app.jobs._kinds = {DECIDE: self}
        stage.app.jobs._spawned = self.spawned  # type: ignore[method-assign]

    def command(self, job: Job) -> Sequence[str]:
        self.work = DecisionFolder(self.folder / job.id / job.arguments["name"])
        self.work.path.mkdir(parents=True)
        self.work.tell(DecisionStatus((StepStatus("check", "done", 1, "3 rows"), StepStatus("prompt", "running", 2, "", 0.5))))
        return ()

    async def spawned(self, job: Job, command: Sequence[str]) -> tuple[int, str, str]:
        await self.gate.wait()
        self.work["report.html"].write_text("<h1>Fine-tune</h1>")
        return 0, json.dumps({"folder": str(self.work.path)}), ""

    async def done(self, job: Job, result: Mapping[str, Any]) -> str:
        return "Fine-tune. On 240 unseen rows it was right on 88%."


async def test_a_decision_is_followed_in_one_message_and_ends_with_its_report(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        script = ScriptedDecision(stage, tmp_path / "duels.sqlite3.jobs")
        boss, ann = admin(stage), stage.member("ann")
        rows = ("shop rows.jsonl", "".join(json.dumps(row) + "\n" for row in ROWS).encode())
        assert "admins" in stage.told(await ann.slash(stage.channel, "decide", rows=rows))
        twice = ("rows.jsonl", b'{"request": "late", "answer": "a"}\n{"request": "late", "answer": "b"}\n')
        assert "contradiction: 2 rows" in stage.told(await boss.slash(stage.channel, "decide", rows=twice))
        result = await boss.slash(stage.channel, "decide", rows=rows, minutes=20)
        await looks(stage)
        shown = stage.shown(result.response)
        assert "### Decision on shop-rows" in shown
        assert "check: 3 rows\nprompt: goes on (50%)" in shown
        script.gate.set()
        await looks(stage)
        shown = stage.shown(result.response)
        assert "Fine-tune. On 240 unseen rows it was right on 88%." in shown
        stored = stage.env.backend.get_message(result.response.channel_id, result.response.id)
        assert [each["filename"] for each in stored.attachments] == ["report.html"]
