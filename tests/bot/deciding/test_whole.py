"""A decision from its file to its report, by the command that people type; killed on the way, it goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from bot.deciding.order import DecisionFolder
from tests.patience import patient

pytestmark = pytest.mark.process
WORDS = [
    "lamp",
    "rug",
    "bowl",
    "towel",
    "chair",
    "shelf",
    "mirror",
    "pillow",
    "curtain",
    "vase",
    "blanket",
    "candle",
    "basket",
    "clock",
    "tray",
    "kettle",
    "spoon",
    "plate",
    "bench",
    "stool",
]
SAID = {
    "return": ("send back", "return", "give back", "not keep"),
    "broken": ("arrived cracked", "is broken", "came in pieces", "has a dent"),
    "late": ("has not come", "is late", "where is", "still waiting for"),
}
ROLES = {"train": 42, "dev": 12, "test": 18}
ENVIRONMENT = os.environ | {"DUEL_BASE_MODEL": "demo", "DUEL_MAX_ROWS": "8"}


def write_rows(path: Path, roles: Mapping[str, int]) -> None:
    """Write rows of three classes, so many of each role; of the role "" those that the check gives one."""
    dice = random.Random(1)
    lines = []
    for at, role in enumerate(role for role, count in roles.items() for _ in range(count)):
        kind = list(SAID)[at % 3]
        words = " ".join(dice.sample(WORDS, 5))
        row = {"request": f"{words}: {dice.choice(SAID[kind])} {dice.randrange(10_000)}", "answer": kind}
        lines.append(json.dumps(row | ({"role": role} if role else {})))
    path.write_text("\n".join(lines))


def command(file: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "bot", "decide", str(file), "--out", str(file.parent / "decisions"), "--minutes", "2", *more]


def test_a_file_becomes_a_decision_although_it_is_killed_on_the_way(tmp_path: Path) -> None:
    file = tmp_path / "shop.jsonl"
    write_rows(file, ROLES)
    folder = DecisionFolder(tmp_path / "decisions" / "shop")
    first = subprocess.Popen(command(file), env=ENVIRONMENT, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until = time.monotonic() + patient(60)
    while time.monotonic() < until and not ((status := folder.status()) and status.steps[2].state == "running"):
        time.sleep(0.2)
    first.send_signal(signal.SIGKILL)
    first.wait()
    status = folder.status()
    assert status is not None
    assert [step.state for step in status.steps[:3]] == ["done", "done", "running"]

    ended = subprocess.run(command(file, "--json"), env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    decided = json.loads(ended.stdout)
    status = folder.status()
    assert status is not None
    assert status.ended
    assert [step.state for step in status.steps[:5]] == ["done"] * 5, [step.words for step in status.steps]
    found = decided["found"]
    assert found["rows"] == ROLES
    assert {each["arm"] for each in found["arms"]} == {"prompted", "tuned", "plain", "combined"}
    assert all(5 <= each["rows"] <= ROLES["test"] for each in found["arms"]), "as many as the minutes allow"
    assert len(found["gaps"]) == 6
    assert decided["advice"]["headline"] in folder["report.html"].read_text()
    assert (folder["adapter"] / "card.json").is_file()
    assert json.loads(folder["recipe-messages.json"].read_text())["messages"][-1]["content"].endswith("{{request}}")
    learned = {line.split()[0] for line in (folder["adapter"] / "trained_on.txt").read_text().splitlines()[1:]}
    assert learned == {"train", "dev"}  # no craft has read a test row


def test_rows_that_contradict_are_refused_with_their_lines(tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("".join(json.dumps({"request": f"request {at // 2}", "answer": "yes" if at % 2 else "no"}) + "\n" for at in range(20)))
    ended = subprocess.run(command(file), env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "contradiction" in ended.stderr
    assert "lines 1 and 2" in ended.stderr
    assert "Traceback" not in ended.stderr
