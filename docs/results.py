"""Retake docs/results-*.png: `python -m bot` on a temporary store with a made-up team of 200 duels, light and dark, wide and narrow.

    python docs/results.py

Needs playwright and a Chromium: playwright's own, or the one named by CHROMIUM. Nothing in the pictures is evidence.
"""

import asyncio
import io
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright
from screenshot import running

from bot.store import Store
from bot.tools.seed import Team, people, plant

ROOT = Path(__file__).parents[1]
TEAM = Team(200, theta=0.63, by_tag=(0.2, 0.0, -0.25, 0.0), tuned_usd=0.00003, prompt_usd=0.000045)
NAMES = {
    "DUEL_TEAM_TRAINING_USD": "1.50",
    "DUEL_TEAM_SHELF_LIFE_MONTHS": "12",
    "DUEL_TEAM_REQUESTS_PER_MONTH": "30000",
    "DUEL_TEAM_PROMPT_MINUTES": "90",
    "DUEL_TEAM_TUNED_MINUTES": "240",
    "DUEL_TEAM_WAGE_USD_PER_HOUR": "40",
    "DUEL_TEAM_BASE_LICENCE": "MIT",
}


async def fill(path: Path) -> None:
    """The team, in a new store."""
    store = await Store.open(path)
    try:
        await plant(store, TEAM, np.random.default_rng(8))
    finally:
        await store.aclose()


def take(address: str) -> None:
    """Four pictures of the whole page."""
    first, second = people(TEAM)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"), args=["--no-sandbox"])
        for theme in ("light", "dark"):
            for name, width in (("wide", 1200), ("narrow", 390)):
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
                page.goto(f"{address}/results?pair={first.id}.{second.id}")
                page.wait_for_selector(".say")
                page.set_viewport_size({"width": width, "height": page.evaluate("document.documentElement.scrollHeight")})
                page.wait_for_function("[...document.images].every((one) => !one.offsetParent || one.naturalWidth)")
                shot = Image.open(io.BytesIO(page.screenshot(full_page=True)))
                shot.quantize(128, dither=Image.Dither.NONE).save(ROOT / "docs" / f"results-{theme}-{name}.png", optimize=True)


if __name__ == "__main__":
    os.environ.update(NAMES)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(fill(Path(folder) / "duels.sqlite3"))
        with running(folder) as address:
            take(address)
