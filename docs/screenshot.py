"""Retake docs/screenshot.png: starts the real `python -m bot` on a free port and a temporary store, asks, votes, looks.

    python docs/screenshot.py [--dark] ["a request" …]

Needs playwright and a Chromium: playwright's own, or the one named by CHROMIUM.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[1]


def examples() -> list[str]:
    """The requests that the page offers."""
    return list(tomllib.loads((ROOT / "bot" / "examples.toml").read_text(encoding="utf-8"))["smollm2"])


@contextmanager
def running(folder: str) -> Iterator[str]:
    """The product as people start it; its address, once it has said it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    names = {"DUEL_WEB_PORT": str(port), "DUEL_STORE_PATH": str(Path(folder) / "duels.sqlite3")}
    with subprocess.Popen([sys.executable, "-m", "bot"], cwd=ROOT, env=os.environ | names, stdout=subprocess.PIPE, text=True) as bot:
        try:
            lines = iter(bot.stdout or ())
            yield next(line.strip() for line in lines if line.startswith("http://"))
        finally:
            bot.terminate()


def take(address: str, requests: list[str], theme: str) -> bool:
    """Ask until two answers differ, vote for A, keep the picture of the reveal. Whether there is one."""
    with sync_playwright() as playwright:
        chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 860}, device_scale_factor=1.5, color_scheme=theme)
        for request in requests:
            page.goto(address)
            page.wait_for_selector(".banner.ready", state="attached", timeout=180_000)
            page.fill(".composer textarea", request)
            page.keyboard.press("Enter")
            page.wait_for_selector(".votes, .outcome, .failure", timeout=180_000)
            if votes := page.query_selector(".votes"):
                votes.focus()
                page.keyboard.press("1")
                page.wait_for_selector(".held .primary:focus")
                page.keyboard.press("Enter")
                page.wait_for_selector(".outcome")
                page.get_by_text("All figures").click()
                page.wait_for_timeout(800)  # until nothing moves
                page.screenshot(path=ROOT / "docs" / "screenshot.png")
                return True
    return False


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("requests", nargs="*", metavar="request", help="asked in turn until two answers differ; without any, the examples")
    parser.add_argument("--dark", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running(folder) as address:
        if not take(address, chosen.requests or examples(), "dark" if chosen.dark else "light"):
            sys.exit("Both sides gave the same answer to each request, or failed; name another request.")
