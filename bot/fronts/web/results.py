"""/results: the verdict with its pictures, aspect by aspect, following the votes as they come. Renders what App says."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import background_tasks, ui

from bot.app import App
from bot.charts import Chart, Form, Line, Theme, alt
from bot.evidence.decision import State
from bot.evidence.figure import Figure
from bot.evidence.latency import TAIL_SAMPLES
from bot.fronts.web.asked import PERIODS, Asked, Query, asked_for, verdict_for
from bot.fronts.web.assets import THEME, style
from bot.fronts.web.dom import MARK, Conduct, el, icon, log_out
from bot.fronts.web.markup import shown
from bot.fronts.web.plain import WENT_WRONG, told
from bot.verdict import Unknown, Verdict, Who
from bot.verdict.figures import (
    absent_words,
    break_even_words,
    favours_words,
    latency_words,
    offline_words,
    reading_words,
    tag_words,
    value_words,
)
from bot.verdict.words import beside_words, full_names, names, robust_words, share_words, tried_words
from bot.views import Spending
from bot.words import ARMS, dollars, made_of, percent, started
from engine.errors import BadRequest, DuelbotError

AT_HAND_S = 0.5
"""How long the page waits for its evidence before it is sent without."""
RETRY_S = 30.0
"""After a failure that nobody answers with the button."""
POLL_S = 1.5
"""Between two looks while the page is open. A look at an unchanged verdict costs a fraction of a millisecond."""
SIZES = {Chart.SHARE: (560, 300), Chart.LATENCY: (560, 350), Chart.COST: (560, 350), Chart.BOARD: (560, 202)}
TAGS_SHOWN = 12
log = logging.getLogger(__name__)


def add_results(web: FastAPI, app: App) -> None:
    """The page and its pictures."""

    async def picture(request: Request, chart: str, form: str) -> Response:
        theme = request.query_params.get("theme", "light")
        if chart not in list(Chart) or form not in get_args(Form) or theme not in get_args(Theme):
            return told(request.scope, 404, "There is no such picture.")
        try:
            found = await verdict_for(app, await asked_for(app, Query.read(request.query_params)))
            if isinstance(found, Unknown):
                return told(request.scope, 404, found.words)
            drawn = await app.judging.picture(Chart(chart), found, theme, form)  # type: ignore[arg-type]
        except BadRequest as error:
            return told(request.scope, 400, error.words)
        except DuelbotError as error:
            return told(request.scope, 503, error.words)
        return Response(drawn.data, media_type=drawn.media, headers={"cache-control": "private, max-age=60"})

    async def page(request: Request) -> Response | None:
        try:
            query = Query.read(request.query_params)
        except BadRequest as error:
            return told(request.scope, 400, error.words)
        ui.add_head_html(f"<style>{style()}{Path(__file__).with_name('results.css').read_text(encoding='utf-8')}</style>{THEME}")
        ui.page_title("Results · Duelbot")
        await ResultsPage(app, query).open()
        return None

    web.get("/results/{chart}.{form}")(picture)
    ui.page("/results")(page)


class ResultsPage:
    """One browser tab."""

    def __init__(self, app: App, query: Query) -> None:
        self._app, self._query = app, query
        self._asked = Asked(None, query.tag or None, query.days)
        self._client = ui.context.client
        self._shown: Verdict | Unknown | None = None
        self._spending = ""
        self._board: tuple[Line, ...] = ()
        self._filled, self._again = asyncio.Event(), asyncio.Event()

    async def open(self) -> None:
        """Draw the page's frame, and fill it: at once when the evidence is at hand, else whenever it has been read."""
        self._header()
        self._live = el("div", "unseen", "", role="status")
        self._main = el("main", "results")
        self._wait()
        Conduct()
        following = background_tasks.create(self._follow(), name="results", context=self._client)
        self._client.on_delete(lambda: following.cancel() and None)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._filled.wait(), AT_HAND_S)

    def _header(self) -> None:
        with el("header", "top"):
            with el("a", "brand", href="/", aria_label="Duelbot, new conversation"):
                ui.html(MARK, sanitize=False, tag="span").classes("mark")
                el("h1", "", "Duelbot")
            with el("div", "top-words"):
                el("p", "tagline", "What the votes, clocks and bills say")
            with el("button", "bare", type="button", aria_label="Light or dark", title="Light or dark", data_does="theme"):
                icon("theme")
            log_out()
            with el("a", "pill", href="/", aria_label="New conversation"):
                icon("new")
                el("span", "wide", "New conversation")

    async def _follow(self) -> None:
        """Draw what changes, until the page is gone."""
        while True:
            if trouble := await self._tried():
                await self._failed(trouble)
            else:
                self._filled.set()
                await asyncio.sleep(POLL_S)

    async def _tried(self) -> str:
        """One look; what went wrong, in words."""
        try:
            await self._refresh()
        except DuelbotError as error:
            return error.words
        except Exception:
            log.exception("The results cannot be drawn")
            return WENT_WRONG
        return ""

    async def _failed(self, words: str) -> None:
        """Say what went wrong in the results' place, until the button is pressed or it is time for another try."""
        self._shown = None
        self._again.clear()
        with self._client:
            self._main.clear()
            with self._main, el("section", "say", role="alert"):
                el("h2", "", "The results cannot be read")
                el("p", "", shown(words))
                el("button", "pill primary", "Try again", type="button").on("click", self._again.set, args=[])
        self._filled.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._again.wait(), RETRY_S)
            self._wait()

    def _wait(self) -> None:
        """What stands there until the evidence has been read."""
        self._main.clear()
        with self._main, el("section", "say", role="status"):
            el("h2", "", "Reading the evidence …")
            el("p", "quiet", "Every decided duel is read once. With many of them this takes a moment, and the page fills by itself.")

    async def _refresh(self) -> None:
        """Draw again what has changed. Raises StoreError."""
        asked = await asked_for(self._app, self._query)
        if isinstance(asked, Asked):
            self._asked = asked
        found = await verdict_for(self._app, asked)
        if found is self._shown or found == self._shown:
            return
        tags, pairs = await self._app.judging.tags(), await self._app.judging.pairs()
        self._spending, self._board = spending_words(await self._app.judging.spending()), await self._app.judging.board_lines()
        self._shown = found
        with self._client:
            self._main.clear()
            with self._main:
                self._narrow(tags[:TAGS_SHOWN], pairs)
                if isinstance(found, Unknown):
                    self._unknown(found)
                else:
                    self._draw(found, len(pairs))

    # --- parts

    def _unknown(self, found: Unknown) -> None:
        with el("section", "say"):
            el("h2", "", "No verdict yet")
            el("p", "", shown(found.words))

    def _narrow(self, tags: list[str], pairs: list[tuple[Who, Who, int]]) -> None:
        with el("nav", "narrow", aria_label="Which duels"):
            self._choices("Period", {str(days): (words, days == self._asked.days) for days, words in PERIODS.items()}, "days")
            if tags:
                named = {"": ("All", self._asked.tag is None), **{tag: (shown(tag), tag == self._asked.tag) for tag in tags}}
                self._choices("Tag", named, "tag")
            if len(pairs) > 1:
                now = self._asked.pair or self._app.judging.pair()
                choices = {f"{a.id}.{b.id}": (words, now == (a, b)) for (a, b), words in told_apart(pairs[:TAGS_SHOWN]).items()}
                self._choices("Pair", choices, "pair")

    def _choices(self, label: str, choices: dict[str, tuple[str, bool]], part: str) -> None:
        with el("div"):
            el("span", "", label)
            for value, (words, current) in choices.items():
                given = int(value) if part == "days" else value
                link = el("a", "", words, href=f"/results?{self._asked.query(**{part: given})}")
                if current:
                    link.props["aria-current"] = "true"

    def _draw(self, found: Verdict, pairs: int) -> None:
        self._say(found)
        with el("section", "panel"):
            el("h2", "", "How the evidence went")
            self._picture(Chart.SHARE, found)
            el(
                "p",
                "quiet",
                "The band is what the votes leave open, at every look at once. A winner can be known before it leaves 50% outside: "
                "that test asks about 50% alone.",
            )
        self._card(found)
        with el("div", "pair"):
            with el("section", "panel"):
                el("h2", "", "Cost")
                if found.even is not None:
                    self._picture(Chart.COST, found)
                el("p", "quiet", break_even_words(found.even, found.no_break_even))
                el("p", "quiet", self._spending)
            with el("section", "panel"):
                el("h2", "", "Time")
                self._picture(Chart.LATENCY, found)
                rows = [row for line in found.latency for row in latency_words(line)]
                _table("Times of both sides", ("", *(shown(started(name)) for name in names(found.who))), rows)
                if any(side[1].value is None for line in found.latency for side in line.sides):
                    el("p", "quiet", f"A p95 is shown from {TAIL_SAMPLES} samples on. Alone: past requests replayed while nobody waited.")
        with el("div", "pair"):
            with el("section", "panel"):
                el("h2", "", "What would change this")
                with el("ul"):
                    for line in found.change:
                        el("li", "", shown(line))
            self._by_tag(found)
        self._checks(found)
        self._offline(found)
        if pairs:
            with el("section", "panel"):
                el("h2", "", "Leader board")
                self._picture(Chart.BOARD, found)

    def _say(self, found: Verdict) -> None:
        favours = "" if found.take is None else ("tuned" if found.who[found.take].arm.adapted else "prompted")
        decision = found.decision
        with el("section", f"say {favours}".strip()):
            narrowed = f" · {found.scope.words}" if found.scope.words else ""
            el("p", "who", shown(f"{pair_words(*found.who)}{narrowed}"))
            el("h2", "", shown(found.headline))
            if decision.n:
                el("p", "", shown(share_words(decision, found.who, found.recent)))
                open_ = decision.state in (State.COLLECT, State.CHANGED)
                el("p", "quiet", found.change[0] if open_ and found.change else robust_words(decision, found.robust, found.voters))
            for words in filter(None, (tried_words(decision, found.tried), beside_words(found.counts))):
                el("p", "quiet", words)
            figures = {
                "Requests decided": f"{found.requests:,}",
                "Duels on them": f"{found.duels:,}",
                **{f"{started(name)} better": f"{count:,}" for name, count in zip(names(found.who), found.better, strict=True)},
                "Ties": f"{found.counts.ties:,}",
                "Both bad": f"{found.counts.both_bad:,}",
                "Ballots": f"{found.ballots:,}",
                "Voters": f"{found.voters:,}",
                "Duels voted on": "none yet" if found.voted_share is None else percent(found.voted_share),
                "Error rate": percent(decision.alpha),
                "Equal within": f"± {percent(decision.delta)}",
            }
            with el("dl", "facts"):
                for name, value in figures.items():
                    with el("div"):
                        el("dt", "", shown(name))
                        el("dd", "", value)

    def _picture(self, chart: Chart, found: Verdict) -> None:
        width, height = SIZES[chart]
        words = shown(alt(chart, found, self._board))
        version = f"{found.requests}-{found.ballots}-{sum(found.absent.values())}"
        with el("div", "picture"):
            for theme in get_args(Theme):
                source = f"/results/{chart}.svg?{self._asked.query(theme=theme, v=version)}"
                el("img", f"for-{theme}", src=source, alt=words, width=width, height=height, loading="lazy")

    def _card(self, found: Verdict) -> None:
        if not found.aspects:
            return
        arms = [ARMS[who.arm].label for who in found.who]
        with el("section", "panel"):
            el("h2", "", "The decision card")
            with el("table", "grid card-table"):
                el("caption", "", "Eight aspects with both sides' figures")
                with el("thead"), el("tr"):
                    for name in ("Aspect", *arms, "Favours"):
                        el("th", "", name, scope="col")
                with el("tbody"):
                    for aspect in found.aspects:
                        with el("tr"):
                            el("th", "", aspect.name, scope="row")
                            for at, side in enumerate(arms):
                                with el("td", data_side=side):
                                    for figure in aspect.side(at):
                                        _figure(figure)
                            with el("td"):
                                el("p", f"favours {aspect.favours}", started(favours_words(aspect.favours, found.who)))
                                el("p", "reason", shown(aspect.reason))
            source = f"/results/card.png?{self._asked.query(theme='light')}"
            el("a", "quiet", "The card as a picture", href=source, target="_blank", rel="noopener")

    def _checks(self, found: Verdict) -> None:
        with el("section", "panel"):
            el("h2", "", "Is the vote sound?")
            rows = [(name, value, meaning) for name, value, meaning in map(reading_words, found.readings.values())]
            _table("Diagnostics with 95 % intervals", ("", "Share", ""), rows)
            if left_out := absent_words(found.absent):
                el("p", "quiet", left_out)

    def _by_tag(self, found: Verdict) -> None:
        with el("section", "panel"):
            el("h2", "", "By tag")
            if not found.tags:
                el(
                    "p",
                    "quiet",
                    "No decided duel has a tag. Tags are said with a request, or guessed by rules in the file DUEL_TEAM_TAG_RULES.",
                )
                return
            rows = [(shown(tag), share, words) for tag, share, words in (tag_words(each, found.who) for each in found.tags[:TAGS_SHOWN])]
            _table("Share by tag", ("Tag", shown(f"{started(names(found.who)[1])}'s share, pooled"), "Found"), rows)
            el("p", "quiet", "Small tags lean on all others. Differences are called with at most 5% of them false (e-BH).")

    def _offline(self, found: Verdict) -> None:
        if not found.offline:
            return
        with el("section", "panel"):
            el("h2", "", "Evaluation set")
            _table("Offline scores", ("Metric", *map(shown, names(found.who)), "Second minus first"), map(offline_words, found.offline))
            el("p", "quiet", "Scored against references, beside the votes and never mixed with them.")


def spending_words(spending: Spending) -> str:
    """The day's and the month's sum, with the caps there are."""
    parts = [
        f"{dollars(spent)}{'' if cap is None else f' of {dollars(cap)}'} in {period}"
        for spent, cap, period in (
            (spending.day_usd, spending.day_cap_usd, "24 hours"),
            (spending.month_usd, spending.month_cap_usd, "30 days"),
        )
    ]
    return f"Spent on answers here: {', '.join(parts)}."


def pair_words(first: Who, second: Who) -> str:
    """Say who meets whom, with what each is made of."""
    said = [f"{ARMS[who.arm].label} ({made_of(who.recipe, who.adapter)})" for who in (first, second)]
    return f"{said[0]} against {said[1][:1].lower()}{said[1][1:]}"


def told_apart(pairs: Iterable[tuple[Who, Who, int]]) -> dict[tuple[Who, Who], str]:
    """Name each pair in few words."""
    met = [(first, second) for first, second, _ in pairs]
    named = full_names({who.id: who for pair in met for who in pair}.values())
    return {pair: shown(f"{named[pair[0].id]} · {named[pair[1].id]}") for pair in met}


def _figure(figure: Figure) -> None:
    with el("div"):
        el("span", "", shown(figure.label), dir="auto")
        el("span", "", shown(value_words(figure)))


def _table(caption: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    with el("div", "scroll"), el("table", "grid"):
        el("caption", "", caption)
        with el("thead"), el("tr"):
            for head in heads:
                el("th", "", head, scope="col")
        with el("tbody"):
            for first, *others in rows:
                with el("tr"):
                    el("th", "", first, scope="row")
                    for cell in others:
                        el("td", "", cell)
