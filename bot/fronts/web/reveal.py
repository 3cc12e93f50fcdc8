"""What is below a duel whose vote has closed: who was who, why people chose as they did, what each side took, what to do next."""

from bot.ballots import Choice
from bot.fronts.web.ballot import Acts, draw_why
from bot.fronts.web.dom import el
from bot.fronts.web.markup import shown
from bot.fronts.web.words import vote_words
from bot.views import DuelView, NextStep, Reveal
from bot.words import ARMS, figures, listed, priced, reason_words, said_in_a_sentence, started, took
from engine.duel import Side


def draw_reveal(view: DuelView, reveal: Reveal, acts: Acts) -> None:
    """Draw who was who, what to do next where there was nothing to vote on, and what each took."""
    with el("div", "outcome"):
        el("p", "note", vote_words(view))
        el("p", "note", took(reveal, _first(view)))
        el("p", "note quiet", view.note)
    if view.collected and view.collected.names:
        el("p", "note quiet", f"Voted: {shown(listed([*view.collected.names], 50))}.")
    _draw_reasons(view)
    if view.own_choice:
        draw_why(view, acts)
    if view.next_step:
        _offer(view, view.next_step, acts)
    with el("details", "took"):
        el("summary", "quiet", "All figures")
        _draw_figures(reveal)


def _first(view: DuelView) -> Side:
    """Begin with the side that the viewer preferred."""
    return Side(view.own_choice.value) if view.own_choice in (Choice.LEFT, Choice.RIGHT) else Side.LEFT


def _draw_figures(reveal: Reveal) -> None:
    """Draw a table whose columns stand under the cards; roles are spelled out, as the style lays its rows out by itself."""
    with el("table", "figures", role="table"):
        el("caption", "", "What each answer took")
        with el("thead", role="rowgroup"), el("tr", role="row"):
            el("td", "", "", role="cell")
            for side, revealed in reveal.sides.items():
                el("th", "", f"{side.label} · {ARMS[revealed.arm].label}", scope="col", role="columnheader")
        with el("tbody", role="rowgroup"):
            for row in figures(reveal.sides.values()):
                with el("tr", role="row"):
                    el("th", "", started(row.label), scope="row", role="rowheader")
                    for at, cell in enumerate(row.cells):
                        el("td", "less" if at in row.least else "", cell, role="cell", data_label=started(row.label))
    el("p", "quiet", priced(reveal.sides.values()))


def _draw_reasons(view: DuelView) -> None:
    """List why people voted as they did; who said it is not told."""
    if not view.reasons:
        return
    with el("ul", "reasons", aria_label="Why people voted as they did"):
        for each in view.reasons:
            with el("li"):
                el("span", "", f"{started(said_in_a_sentence(each.choice))}: ")
                el("bdi", "", shown(reason_words(each.reason)))


def _offer(view: DuelView, step: NextStep, acts: Acts) -> None:
    """What to do next where there was nothing to vote on; under the last turn alone (style.css)."""

    async def clicked() -> None:
        await acts.ask_next(view)

    with el("div", "offer"):
        el("p", "note", step.words)
        if step.request:
            el("button", "example", shown(step.request), type="button").on("click", clicked, args=[])
