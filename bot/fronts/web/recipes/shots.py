"""Examples that are proposed from votes, each added by one click."""

from bot.app import App
from bot.app.proposing import ProposedExample
from bot.fronts.web.dom import el
from bot.fronts.web.form import RecipeForm
from bot.fronts.web.markup import shown
from bot.words import ARMS, counted
from engine.recipes import Recipe

WHAT_FOR = (
    "Answers that won their votes, chosen so that together they are like what is asked here. A request that becomes an example is no "
    "evidence any more."
)
NONE = "No vote has a winner yet that could stand as an example."


async def propose(app: App, form: RecipeForm, recipe: Recipe) -> None:
    """Draw the proposals for a recipe. Raises StoreError."""
    found = await app.proposing.examples(recipe, None)
    with el("section", "trying", aria_label="Examples from votes"):
        el("h3", "", "Examples from votes")
        el("p", "quiet", WHAT_FOR if found else NONE)
        with el("ol", "shots"):
            for proposal in found:
                _line(form, proposal)


def _line(form: RecipeForm, proposal: ProposedExample) -> None:
    with el("li", "shot") as line:
        el("p", "", shown(proposal.example.user), dir="auto")
        el("p", "quiet", shown(f"→ {proposal.example.assistant}"), dir="auto")
        el("p", "quiet", facts(proposal))

        def clicked() -> None:
            form.add_example(proposal.example.user, proposal.example.assistant)
            line.delete()

        el("button", "pill", "Add as an example", type="button").on("click", clicked, args=[])


def facts(proposal: ProposedExample) -> str:
    """Say whose answer it is, how it won, and what it is like. Pure."""
    won = f"{proposal.votes} of {counted(proposal.ballots, 'vote')}"
    return f"{ARMS[proposal.arm].label}'s answer, {won} · nearest to {counted(proposal.like, 'late request')}"
