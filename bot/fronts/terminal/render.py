"""Views as a terminal shows them: values in, rich renderables out. Pure; every text from outside goes through `printable`.

Before the close both sides look alike in everything but their letter and their words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.box import ROUNDED
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.ballots import Choice, Guess
from bot.views import DuelSummary, DuelView, ModelState, NextStep, Reveal, SideView
from bot.words import (
    ARMS,
    CANNOT_TELL,
    CHOICES,
    STATES,
    alone_took,
    estimated,
    figures,
    made_of,
    own_choice,
    priced,
    started,
    when,
    which_one,
    who_was,
)
from engine.contestants import Arm
from engine.cost import Estimate
from engine.duel import Side
from engine.printable import one_line, printable, runs_right_to_left

WIDE = 90  # columns from which two answers stand side by side
BORDERS = 2  # lines of a box that hold no text
GAP = 1  # columns between two boxes
PADDING = 4  # columns of a box that hold no text
ACCENT = "bold cyan"  # for what can be typed; no colour ever stands for a side
VOTE_KEYS = {"1": Choice.LEFT, "2": Choice.RIGHT, "3": Choice.TIE, "4": Choice.BOTH_BAD}
GUESS_KEYS = {"1": Guess(Side.LEFT), "2": Guess(Side.RIGHT), "3": Guess(None)}
COMMANDS = {
    "/new": "begin a new conversation",
    "/history": "list earlier duels; with words, those that hold them",
    "/open": "open one of that list by its number",
    "/verdict": "which of prompt and fine-tune to use, as far as the votes say",
    "/results": "the whole evidence; with a tag, that tag's",
    "/recipe": "the versions of recipes; use NAME, diff OLD NEW, back",
    "/tag": "give the next requests a tag; without a word, none",
    "/route": "what share of requests become duels, and who answers the others; /route 0.1 tuned changes it",
    "/estimate": "what a duel takes",
    "/help": "this list",
    "/quit": "leave (Ctrl-C and Ctrl-D as well)",
}


@dataclass(frozen=True, slots=True)
class Answers:
    """Both answers: side by side in a wide terminal, else below each other.

    With `rows`, the lines that there is room for, each answer shows its end and says how many lines stand above.
    Right-to-left text is never put beside another: a terminal that orders text itself could show A's words under B.
    """

    sides: Mapping[Side, SideView]
    rows: int | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        texts = {side: answer_text(view) for side, view in self.sides.items()}
        beside = options.max_width >= WIDE and not any(runs_right_to_left(text.plain) for text in texts.values())
        columns = len(texts) if beside else 1
        width = (options.max_width - GAP * (columns - 1)) // columns
        wrapped = {side: list(text.wrap(console, width - PADDING)) for side, text in texts.items()}
        if self.rows is not None:
            wrapped = ends(wrapped, self.rows, beside)
        if not beside:
            yield from (_box(side, lines, len(lines)) for side, lines in wrapped.items())
            return
        grid = Table.grid(padding=(0, GAP, 0, 0))
        for _ in wrapped:
            grid.add_column(width=width)
        height = max(map(len, wrapped.values()))
        grid.add_row(*(_box(side, lines, height) for side, lines in wrapped.items()))
        yield grid


def _box(side: Side, lines: Sequence[Text], height: int) -> Panel:
    text = Text("\n", no_wrap=True, overflow="ignore").join(lines)
    return Panel(text, title=Text(side.label, "bold"), title_align="left", box=ROUNDED, border_style="dim", height=height + BORDERS)


def answer_text(view: SideView) -> Text:
    """Show what one side says, or why it says nothing."""
    text = Text(printable(view.text).strip("\n"), overflow="fold")
    if view.state == "failed":
        return Text("\n").join([*([text, Text()] if text else []), Text(f"No answer: {printable(view.failure)}", "italic")])
    if view.cut:
        return text.append("\n(cut at the token limit)", "dim")
    return text if text or view.state == "done" else Text("…", "dim")


def ends(wrapped: Mapping[Side, list[Text]], rows: int, beside: bool) -> dict[Side, list[Text]]:
    """Cut each answer to its last lines, all together no higher than `rows`. A short answer leaves its room to the other."""
    if beside:
        return {side: _end(lines, rows - BORDERS) for side, lines in wrapped.items()}
    room = rows - BORDERS * len(wrapped)
    taken = {side: sum(len(lines) for other, lines in wrapped.items() if other != side) for side in wrapped}
    return {side: _end(lines, max(room // len(wrapped), room - taken[side])) for side, lines in wrapped.items()}


def _end(lines: list[Text], room: int) -> list[Text]:
    room = max(room, 2)
    if len(lines) <= room:
        return lines
    return [Text(f"⋮ {len(lines) - room + 1} lines above", "dim"), *lines[len(lines) - room + 1 :]]


def streaming(view: DuelView, size: tuple[int, int], spin: str) -> RenderableType:
    """Show a duel while it is being answered, in a terminal of (columns, lines)."""
    words = (view.state == "waiting" and one_line(view.note)) or "Writing"  # a note on the turns before is said once, above
    status = Text(f"{spin} {words}  s stops", "dim")
    if view.state == "waiting":
        return status
    return Group(Answers(view.sides, rows=max(size[1] - 3, 8)), status)


def vote_bar() -> Text:
    """Show the four choices by their keys, and the way around them."""
    bar = Text()
    for key, choice in VOTE_KEYS.items():
        bar.append(key, ACCENT).append(f" {CHOICES[choice]}  ")
    return bar.append("Enter", ACCENT).append(" skip", "dim")


def guess_bar(arm: Arm) -> Text:
    """Draw the blinding question with its answers by their keys."""
    bar = Text(f"{which_one(arm)}\n")
    for key, guess in GUESS_KEYS.items():
        bar.append(key, ACCENT).append(f" {guess.side.label if guess.side else CANNOT_TELL}  ")
    return bar


def reveal_table(reveal: Reveal) -> RenderableType:
    """Show who was who, and what each took."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    table.add_column()
    sides = reveal.sides
    for side, revealed in sides.items():
        table.add_column(Text(f"{side.label}: {ARMS[revealed.arm].named}"), overflow="fold")
    table.add_row(Text("made of", "dim"), *(Text(printable(made_of(each.recipe, each.adapter))) for each in sides.values()))
    for row in figures(sides.values()):
        table.add_row(Text(row.label, "dim"), *(Text(printable(cell)) for cell in row.cells))
    return Group(table, Text(printable(priced(sides.values())), "dim"))


def decided(view: DuelView) -> RenderableType:
    """Show everything below the answers once a duel takes no more ballots: the choice, the reveal, what goes on."""
    parts: list[RenderableType] = []
    if words := own_choice(view.own_choice, view.reveal):
        parts.append(Text(words, "bold"))
    if view.reveal:
        parts += [Text(), reveal_table(view.reveal), Text()]
    if view.note:
        parts.append(Text(printable(view.note)))
    if view.single:
        parts.append(Text(printable(f"{made_of(view.single.recipe, view.single.adapter)}; {alone_took(view.single)}"), "dim"))
    if view.next_step:
        parts += [Text(), offered(view.next_step)]
    return Group(*parts)


def offered(step: NextStep) -> RenderableType:
    """Show what to do next, with the number that asks it."""
    words = Text(printable(step.words), "dim")
    return Group(words, _numbered([step.request])) if step.request else words


def _numbered(requests: Sequence[str]) -> RenderableType:
    """Requests, each with the number that asks it."""
    grid = Table.grid(padding=(0, 1))
    for number, request in enumerate(requests, 1):
        grid.add_row(Text(str(number), ACCENT), Text(printable(request)))
    return Padding(grid, (0, 0, 0, 2))


def briefly(view: DuelView) -> Text:
    """Say a past duel's end in a line or two, for reading a conversation again."""
    who = who_was(view.reveal) if view.reveal else ""
    return Text(" ".join(part for part in (who, own_choice(view.own_choice, view.reveal), printable(view.note)) if part), "dim")


def asked(request: str) -> RenderableType:
    """Show a request as it stood at the prompt."""
    grid = Table.grid()
    grid.add_row(Text("› ", ACCENT), Text(printable(request), overflow="fold"))
    return grid


def welcome(examples: Sequence[str]) -> RenderableType:
    """Show the first screen: what this is, and what could be asked."""
    title = Text.assemble(("Duelbot", "bold"), "  Prompt or fine-tune? Ask, compare two blind answers, vote.")
    return Group(title, Text(), example_list(examples))


def example_list(examples: Sequence[str]) -> RenderableType:
    """List example requests, each with the number that asks it."""
    if not examples:
        return Text("Type a request, or /help.", "dim")
    return Group(Text("Type a request, or the number of an example:", "dim"), _numbered(examples))


def help_table() -> RenderableType:
    """List every command."""
    grid = Table.grid(padding=(0, 3, 0, 0))
    for command, meaning in COMMANDS.items():
        grid.add_row(Text(command, ACCENT), Text(meaning))
    note = "Enter sends, Alt-Enter begins a new line. To ask something that begins with a slash, write two."
    return Group(grid, Text(note, "dim"))


def estimate_sentence(model: ModelState, estimate: Estimate | None) -> str:
    """Say what the next duel will probably take, or why the model cannot answer."""
    return estimated(estimate) if model.state == "ready" else started(f"{model.words.removesuffix('.')}.")


def toolbar(model: ModelState, estimate: Estimate | None, width: int) -> str:
    """Fill the line under the prompt, one line whatever the width: the model while it cannot answer, else the estimate."""
    keys = "  /help"
    return f"{one_line(estimate_sentence(model, estimate), max(width - len(keys) - 1, 10))}{keys}"


def history_table(summaries: Iterable[DuelSummary], now: datetime) -> RenderableType:
    """List earlier duels with the numbers that /open takes."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column(justify="right", style=ACCENT)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    table.add_column(style="dim", no_wrap=True)
    table.show_header = False
    for number, duel in enumerate(summaries, 1):
        table.add_row(str(number), when(duel.asked_at, now), Text(one_line(duel.request, 200)), STATES[duel.state])
    return Group(table, Text("/open and a number shows the conversation.", "dim"))


def conversation(views: Sequence[DuelView]) -> Iterator[RenderableType]:
    """Show a conversation again: earlier duels briefly, the last in full; of one that goes on only what was asked."""
    for to_come, view in zip(range(len(views) - 1, -1, -1), views, strict=True):
        yield asked(view.request)
        if not to_come and not ended(view):
            return
        yield Answers(view.sides)
        yield Group(briefly(view), Text()) if to_come else decided(view)


def ended(view: DuelView) -> bool:
    """Whether nothing more will come of a duel."""
    return view.state in ("closed", "void", "answered")
