"""/recipe in the terminal: the versions of recipes listed, compared word by word, used, and gone back from."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.app import App
from bot.app.choices import handle
from bot.app.differing import DiffSection
from bot.views import FILE, SHIPPED, RecipeVersion
from bot.words import author_words, seconds, when
from engine.errors import BadRequest
from engine.printable import one_line, printable

USAGE = "/recipe lists versions; /recipe use NAME@VERSION, /recipe diff OLD NEW, and /recipe back for the version before."
CHOSEN, BACK = "Chosen in the terminal.", "Gone back in the terminal."


async def recipe_command(app: App, argument: str, person: str) -> RenderableType:
    """Do what is said after /recipe. Raises BadRequest, UnknownRecipe, BadRecipe, UnfairDuel."""
    verb, _, rest = argument.strip().partition(" ")
    match verb.casefold():
        case "" | "list":
            return versions_table(app.versions.all(), app.versions.live(None), datetime.now().astimezone())
        case "use" if rest.strip():
            used = await app.versions.use(app.versions.named(rest).id, None, person, CHOSEN)
        case "back":
            used = await app.versions.roll_back(None, person, BACK)
        case "diff" if len(rest.split()) == 2:
            old, new = (app.versions.named(each) for each in rest.split())
            return differences_shown(old, new, app.versions.diff(old.id, new.id))
        case _:
            raise BadRequest(USAGE)
    return Text(printable(f"{used.named} answers from now on. It is a contestant of its own, with its own evidence."))


def versions_table(versions: tuple[RecipeVersion, ...], live: RecipeVersion | None, now: datetime) -> RenderableType:
    """Show all versions, the latest first. Pure."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for head in ("version", "why", "who and when", ""):
        table.add_column(head, overflow="fold")
    for version in reversed(versions):
        made = author_words(version.author, "terminal")
        if version.author not in (SHIPPED, FILE):
            made += f", {when(version.saved_at, now)}"
        made += f", edited in {seconds(version.edit_s)}" if version.edit_s is not None else ""
        mark = "answers now" if live and version.id == live.id else ""
        table.add_row(Text(one_line(handle(version.named), 60)), Text(printable(version.reason)), Text(made, "dim"), Text(mark, "bold"))
    return Group(table, Text(USAGE, "dim"))


def differences_shown(old: RecipeVersion, new: RecipeVersion, sections: tuple[DiffSection, ...]) -> RenderableType:
    """Show what differs; told apart by marks as well as by colour. Pure."""
    lines = [Text(printable(f"{old.named} → {new.named}: {new.reason}"), "bold")]
    for section in sections:
        if not section.changed:
            continue
        lines.append(Text(f"\n{section.title}", "dim"))
        text = Text(overflow="fold")
        for part in section.parts:
            marked = {"same": part.text, "out": f"[-{part.text}-]", "in": f"{{+{part.text}+}}"}[part.kind]
            text.append(printable(marked), {"same": "", "out": "red strike", "in": "green"}[part.kind])
        lines.append(text)
    return Group(*lines)
