"""The panels of the results page from top to bottom."""

from collections.abc import Iterable, Mapping

from bot.charts import Chart
from bot.evidence.decision import State
from bot.evidence.latency import TAIL_SAMPLES
from bot.fronts.web.dom import el
from bot.fronts.web.markup import shown
from bot.fronts.web.results.look import ResultsLook
from bot.fronts.web.results.parts import head_of, labelled, note, panel, picture, table
from bot.verdict import Unknown, Verdict, Who
from bot.verdict.figures import (
    absent_words,
    break_even_words,
    favours_words,
    latency_words,
    offline_words,
    reading_words,
    tag_words,
    unknown_ways,
)
from bot.verdict.periods import ALL_TIME, PERIODS, period_words
from bot.verdict.words import beside_words, full_names, names, robust_words, share_words, tried_words
from bot.views import Spending
from bot.words import ARMS, dollars, made_of, percent, started

TAGS_SHOWN = 12  # tags and pairs that are offered
BAND = (
    "The band is what the votes leave open, at every look at once. A winner can be known before it leaves 50% outside: "
    "that test asks about 50% alone."
)
NO_TAGS = "No decided duel has a tag. Tags are said with a request, or guessed by rules in the file DUEL_TEAM_TAG_RULES."


def draw(look: ResultsLook) -> None:
    """Draw every panel that has something to say."""
    narrow(look)
    found = look.found
    if isinstance(found, Unknown):
        with el("section", "say"):
            el("h2", "", "No verdict yet")
            el("p", "", shown(found.words))
        return
    say(found)
    with panel("How the evidence went"):
        picture(Chart.SHARE, look, found)
        note(BAND)
    card(look, found)
    with el("div", "pair"):
        cost(look, found)
        time(look, found)
    with el("div", "pair"):
        with panel("What would change this"), el("ul"):
            for line in found.change:
                el("li", "", shown(line))
        by_tag(found)
    checks(found)
    offline(found)
    if look.pairs:
        with panel("Leader board"):
            picture(Chart.BOARD, look, found)


def narrow(look: ResultsLook) -> None:
    """Offer periods, tags and pairs, the chosen ones marked."""
    wanted = look.wanted
    with el("nav", "narrow", aria_label="Which duels"):
        periods = {days: (started(period_words(days)), days == wanted.days) for days in (ALL_TIME, *sorted(PERIODS.values()))}
        choices(look, "Period", "days", periods)
        if look.tags:
            tags = {"": ("All", wanted.tag is None), **{tag: (tag, tag == wanted.tag) for tag in look.tags[:TAGS_SHOWN]}}
            choices(look, "Tag", "tag", tags)
        if len(look.pairs) > 1:
            now = look.found.who if isinstance(look.found, Verdict) else wanted.pair
            pairs = {f"{a.id}.{b.id}": (words, now == (a, b)) for (a, b), words in told_apart(look.pairs[:TAGS_SHOWN]).items()}
            choices(look, "Pair", "pair", pairs)


def choices(look: ResultsLook, label: str, part: str, offered: Mapping[int, tuple[str, bool]] | Mapping[str, tuple[str, bool]]) -> None:
    """Draw a row of links that change one part of the address."""
    with el("div"):
        el("span", "", label)
        for value, (words, current) in offered.items():
            link = el("a", "", shown(words), href=f"/results?{look.wanted.query(**{part: value})}")
            if current:
                link.props["aria-current"] = "true"


def say(found: Verdict) -> None:
    """Say what to do, how sure that is, and on how much it rests."""
    favours = "" if found.take is None else ("tuned" if found.who[found.take].arm.adapted else "prompted")
    decision = found.decision
    with el("section", f"say {favours}".strip()):
        narrowed = f" · {found.scope.words}" if found.scope.words else ""
        el("p", "who", shown(f"{pair_words(*found.who)}{narrowed}"))
        el("h2", "", shown(found.headline))
        if decision.n:
            el("p", "", shown(share_words(decision, found.who, found.recent)))
            open_ = decision.state in (State.COLLECT, State.CHANGED)
            note(found.change[0] if open_ and found.change else robust_words(decision, found.robust, found.voters))
        for words in filter(None, (tried_words(decision, found.tried), beside_words(found.counts))):
            note(words)
        with el("dl", "facts"):
            for name, value in counts(found).items():
                with el("div"):
                    el("dt", "", shown(name))
                    el("dd", "", value)


def counts(found: Verdict) -> dict[str, str]:
    """Name the counts under a verdict, with its margins."""
    better = {f"{started(name)} better": f"{count:,}" for name, count in zip(names(found.who), found.better, strict=True)}
    return {
        "Requests decided": f"{found.requests:,}",
        "Duels on them": f"{found.duels:,}",
        **better,
        "Ties": f"{found.counts.ties:,}",
        "Both bad": f"{found.counts.both_bad:,}",
        "Ballots": f"{found.ballots:,}",
        "Voters": f"{found.voters:,}",
        "Duels voted on": "none yet" if found.voted_share is None else percent(found.voted_share),
        "Error rate": percent(found.decision.alpha),
        "Equal within": f"± {percent(found.decision.delta)}",
    }


def card(look: ResultsLook, found: Verdict) -> None:
    """Draw the decision card, where the pair has one."""
    if not found.aspects:
        return
    arms = [ARMS[who.arm].label for who in found.who]
    with panel("The decision card"):
        with el("table", "grid card-table"):
            head_of("Eight aspects with both sides' figures", ("Aspect", *arms, "Favours"))
            with el("tbody"):
                for aspect in found.aspects:
                    with el("tr"):
                        el("th", "", aspect.name, scope="row")
                        for at, side in enumerate(arms):
                            with el("td", data_side=side):
                                for figure in aspect.side(at):
                                    if figure.value is not None:
                                        labelled(figure)
                        with el("td"):
                            el("p", f"favours {aspect.favours}", started(favours_words(aspect.favours, found.who)))
                            el("p", "reason", shown(aspect.reason))
        missing(found)
        source = f"/results/card.png?{look.wanted.query(theme='light')}"
        el("a", "quiet", "The card as a picture", href=source, target="_blank", rel="noopener")


def missing(found: Verdict) -> None:
    """List the figures that nobody knows yet, with what to do about it."""
    if not (ways := unknown_ways(found.aspects, names(found.who))):
        return
    with el("details", "unknown"):
        el("summary", "", f"What we do not know yet ({len(ways)})")
        with el("dl"):
            for name, way in ways.items():
                with el("div"):
                    el("dt", "", shown(name))
                    el("dd", "", shown(way))


def cost(look: ResultsLook, found: Verdict) -> None:
    """Draw what both sides cost, and when the fine-tune pays back."""
    with panel("Cost"):
        if found.even is not None:
            picture(Chart.COST, look, found)
        note(break_even_words(found.even, found.no_break_even))
        note(spending_words(look.spending))


def time(look: ResultsLook, found: Verdict) -> None:
    """Draw how long both sides take."""
    with panel("Time"):
        picture(Chart.LATENCY, look, found)
        heads = ("", *(started(name) for name in names(found.who)))
        table("Times of both sides", heads, (row for line in found.latency for row in latency_words(line)))
        if any(side[1].value is None for line in found.latency for side in line.sides):
            note(f"A p95 is shown from {TAIL_SAMPLES} samples on. Alone: past requests replayed while nobody waited.")


def by_tag(found: Verdict) -> None:
    """Draw the share on each tag's requests."""
    with panel("By tag"):
        if not found.tags:
            note(NO_TAGS)
            return
        heads = ("Tag", f"{started(names(found.who)[1])}'s share, pooled", "Found")
        table("Share by tag", heads, (tag_words(tag, found.who) for tag in found.tags[:TAGS_SHOWN]))
        note("Small tags lean on all others. Differences are called with at most 5% of them false (e-BH).")


def checks(found: Verdict) -> None:
    """Draw the diagnostics of the vote, and what was left out of it."""
    with panel("Is the vote sound?"):
        table("Diagnostics with 95% intervals", ("", "Share", ""), map(reading_words, found.readings.values()))
        if left_out := absent_words(found.absent):
            note(left_out)


def offline(found: Verdict) -> None:
    """Draw the evaluation set's scores, where there are some."""
    if not found.offline:
        return
    with panel("Evaluation set"):
        first, second = names(found.who)
        heads = ("Metric", started(first), started(second), f"{started(second)} minus {first}")
        table("Offline scores", heads, map(offline_words, found.offline))
        note("Scored against references, beside the votes and never mixed with them.")


def spending_words(spending: Spending) -> str:
    """Say the day's and the month's sum, with the caps there are."""
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
    return {pair: f"{named[pair[0].id]} · {named[pair[1].id]}" for pair in met}
