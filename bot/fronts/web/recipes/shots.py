"""Examples that are proposed from votes or from a file of rows, each added by one click."""

from nicegui.events import GenericEventArguments

from bot.app import App
from bot.app.proposing import ProposedExample, ProposedRows
from bot.fronts.web.dom import READ, el
from bot.fronts.web.form import RecipeForm
from bot.fronts.web.markup import shown
from bot.fronts.web.tab import Tab
from bot.words import ARMS, counted
from engine.recipes import Example, Recipe

WHAT_FOR = (
    "Answers that won their votes, chosen so that together they are like what is asked here. A request that becomes an example is no "
    "evidence any more."
)
FROM_ROWS = "Rows to learn from, chosen in the same way. Rows for tests or choices are never examples."
NONE = "No vote has a winner yet that could stand as an example."


async def propose(app: App, form: RecipeForm, recipe: Recipe, tab: Tab) -> None:
    """Draw the proposals for a recipe. Raises StoreError."""
    found = await app.proposing.examples(recipe, None)
    with el("section", "trying", aria_label="Examples from votes"):
        el("h3", "", "Examples from votes")
        el("p", "quiet", WHAT_FOR if found else NONE)
        with el("ol", "shots"):
            for proposal in found:
                _line(form, proposal.example, facts(proposal))

    _propose_rows(app, form, recipe, tab)


def _propose_rows(app: App, form: RecipeForm, recipe: Recipe, tab: Tab) -> None:
    """Draw the box that a file of rows is chosen by, and what is proposed from it."""
    with el("section", "trying", aria_label="Examples from rows"):
        el("h3", "", "Examples from rows")
        el("p", "quiet", FROM_ROWS)
        with el("label", "pill file", "Choose a file of rows"):
            box = el("input", "unseen", type="file", accept=".jsonl,.json,.csv", aria_label="Choose a file of rows")
        list_ = el("ol", "shots")

    async def brought(event: GenericEventArguments) -> None:
        with tab.in_words():
            found = await app.proposing.from_rows(str(event.args), recipe, None)
            tab.say("")
            list_.clear()
            with list_:
                el("li", "quiet", about(found))
                for row in found.rows:
                    _line(form, row.example, f"line {row.line:,} · nearest to {counted(row.like, 'request')}")

    box.on("change", brought, js_handler=READ)


def _line(form: RecipeForm, example: Example, words: str) -> None:
    with el("li", "shot") as line:
        el("p", "", shown(example.user), dir="auto")
        el("p", "quiet", shown(f"→ {example.assistant}"), dir="auto")
        el("p", "quiet", words)

        def clicked() -> None:
            form.add_example(example.user, example.assistant)
            line.delete()

        el("button", "pill", "Add as an example", type="button").on("click", clicked, args=[])


def about(found: ProposedRows) -> str:
    """Say what was chosen from, and what it should be like. Pure."""
    like = f"your {counted(found.asked, 'late request')}" if found.own else "the file itself, as little was asked here yet"
    chosen = counted(len(found.rows), "example") if found.rows else "nothing that the recipe does not show already"
    return f"Of {counted(found.looked_at, 'row')} to learn from, {chosen}, chosen to be like {like}."


def facts(proposal: ProposedExample) -> str:
    """Say whose answer it is, how it won, and what it is like. Pure."""
    won = f"{proposal.votes} of {counted(proposal.ballots, 'vote')}"
    return f"{ARMS[proposal.arm].label}'s answer, {won} · nearest to {counted(proposal.like, 'late request')}"
